package facts_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// offloadGroup returns count Packets of size bytes, which make a group, and the
// payload of all.
func offloadGroup(p dsrudp.Path, count, size int) (ps []dsrudp.Packet, all string) {
	for i := range count {
		payload := duoPayload(strings.Repeat(string(rune('a'+i)), size))[:size]
		ps = append(ps, batchPacket(payload, p))
		all += payload
	}
	return ps, all
}

// K6.2, K6.4: segments longer than the path takes are refused, while datagrams of
// that length are fragmented. They are sent one by one then, from the same source,
// and from that length on not together again to that address, but to others.
func TestK6_4_SegmentsTooLong(t *testing.T) {
	const long, short = 2 * lab.MTU, lab.MTU / 2
	for _, p := range k8Peers {
		for _, network := range p.networks {
			t.Run("dsrudp/"+p.name+"/"+network, func(t *testing.T) {
				d := newDuo(t)
				c := d.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
				a, b := d.dialFrom(t, p.a, p.vips[0]), d.dialFrom(t, p.b, p.vips[1])
				d.ask(t, a)
				d.ask(t, b)
				asked := batchRead(t, c, 2)
				toA, toB := asked[0].Path, asked[1].Path
				together := func(all string) bool {
					for _, p := range d.wire.Packets() {
						if p.Outgoing && string(p.Payload) == all {
							return true
						}
					}
					return false
				}
				send := func(path dsrudp.Path, size int, whole bool, fallbacks uint64) {
					t.Helper()
					ps, all := offloadGroup(path, 4, size)
					n, err := c.WritePackets(ps)
					require.NoError(t, err)
					require.Equal(t, len(ps), n)
					client := a
					if path == toB {
						client = b
					}
					for _, p := range ps {
						require.NoError(t, p.Err)
						got := make([]byte, 2*long)
						n, err := client.Read(got)
						require.NoError(t, err, "the client rejects what comes from another address than it wrote to")
						require.Equal(t, string(p.Payload()), string(got[:n]))
					}
					require.Equal(t, whole, together(all))
					require.Equal(t, fallbacks, c.Stats().OffloadFallbacks)
				}
				send(toA, short, true, 0)
				send(toA, long, false, 1)
				send(toA, long, false, 1)
				send(toA, long+1, false, 1)
				send(toA, short, true, 1)
				send(toB, short, true, 1)
				send(toB, long, false, 2)
				send(toB, long, false, 2)

				train := batchPacket(strings.Repeat("train", long), toA)
				train.SegmentSize = long
				n, err := c.WritePackets([]dsrudp.Packet{train})
				require.NoError(t, err)
				require.Equal(t, 1, n)
				got := make([]byte, 2*long)
				for range 5 {
					n, err := a.Read(got)
					require.NoError(t, err)
					require.Equal(t, long, n)
				}
				s := c.Stats()
				require.EqualValues(t, 2, s.OffloadFallbacks)
				require.Zero(t, s.SendTooLong, "each was sent")
			})
		}
	}
}

// K6.4: a VIP that is withdrawn is the error of each Packet of a group, and no
// reason to give up grouping.
func TestK6_4_WithdrawnSource(t *testing.T) {
	d := newDuo(t)
	for _, p := range k8Peers {
		route := netip.PrefixFrom(p.vips[0], p.vips[0].BitLen())
		for _, network := range p.networks {
			t.Run("dsrudp/"+p.name+"/"+network, func(t *testing.T) {
				c := d.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
				defer c.Close()
				a, b := d.dialFrom(t, p.a, p.vips[0]), d.dialFrom(t, p.b, p.vips[1])
				d.ask(t, a)
				d.ask(t, b)
				asked := batchRead(t, c, 2)
				require.NoError(t, d.server.DelLocalRoute(route, duoDev))
				defer func() { require.NoError(t, d.server.AddLocalRoute(route, duoDev)) }()
				duoSoon(t, "the VIP is refused", func() bool {
					_, err := c.WriteToPath(nil, asked[0].Path)
					return err != nil
				})
				for _, count := range []int{3, 100} {
					gone, payload := offloadGroup(asked[0].Path, count, 20)
					good, whole := offloadGroup(asked[1].Path, 3, 30)
					refused := c.Stats().Refused
					n, err := c.WritePackets(append(gone[:count:count], good...))
					require.Equal(t, len(good), n)
					dsrNotLocal(t, err)
					require.EqualValues(t, count, c.Stats().Refused-refused)
					for range good {
						_, err := b.Read(make([]byte, 2048))
						require.NoError(t, err)
					}
					siteSent(t, d.wire, whole)
					silent := []string{payload}
					for _, p := range gone {
						silent = append(silent, string(p.Payload()))
					}
					d.requireSilence(t, silent...)
				}
				require.Zero(t, c.Stats().OffloadFallbacks)
			})
		}
	}
}
