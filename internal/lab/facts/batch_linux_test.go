package facts_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// batchRead receives n datagrams.
func batchRead(t *testing.T, c *dsrudp.Conn, n int) (all []dsrudp.Packet) {
	t.Helper()
	for len(all) < n {
		ps := make([]dsrudp.Packet, n-len(all))
		for i := range ps {
			ps[i].Buf = make([]byte, 2048)
		}
		k, err := c.ReadPackets(ps)
		require.NoError(t, err)
		all = append(all, ps[:k]...)
	}
	return all
}

// batchPacket returns a Packet to send.
func batchPacket(payload string, p dsrudp.Path) dsrudp.Packet {
	return dsrudp.Packet{Buf: []byte(payload), N: len(payload), Path: p}
}

// Requests of one client port to several VIPs of both families, a range's too,
// have the Path of each in a batch, and the answers leave from each.
func TestBatch_OnePortManyVIPs(t *testing.T) {
	d := newDuo(t)
	for _, network := range []string{"udp", "udp6"} {
		t.Run("dsrudp/"+network, func(t *testing.T) {
			c := d.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
			clients := d.dialOnePort(t, d.vips...)
			if network == "udp" {
				clients = append(clients, d.dialOnePort(t, duoVIPs4...)...)
			}
			const rounds = 4
			for range rounds {
				for _, client := range clients {
					d.ask(t, client)
				}
			}
			ps := batchRead(t, c, rounds*len(clients))
			for i, p := range ps {
				client := clients[i%len(clients)]
				require.Equal(t, dsrudp.Path{Local: siteAddr(client.RemoteAddr()), Remote: siteAddr(client.LocalAddr())}, p.Path)
			}
			n, err := c.WritePackets(ps)
			require.NoError(t, err)
			require.Equal(t, len(ps), n)
			for i, p := range ps {
				d.requireAccepted(t, clients[i%len(clients)], string(p.Payload()))
			}
		})
	}
}

// A request to a group tells which in OrigDst, and is answered from the
// interface's own address.
func TestBatch_OrigDst(t *testing.T) {
	t.Run("dsrudp/IPv4", func(t *testing.T) {
		s := newGroupSite(t, false)
		for _, network := range bareNetworks {
			c := s.listenDSR(t, dsrudp.ListenConfig{Control: bareControl(s.join(t))}, network, netip.Addr{})
			for _, group := range groups4 {
				s.ask(t, group)
				ps := batchRead(t, c, 1)
				require.Equal(t, group, ps[0].OrigDst)
				require.Equal(t, netip.AddrPortFrom(s.own, lab.Port), ps[0].Path.Local)
				_, err := c.WritePackets(ps)
				require.NoError(t, err)
				s.requireAnswer(t, "request to "+group.String())
			}
			require.NoError(t, c.Close())
		}
	})
	t.Run("dsrudp/IPv6", func(t *testing.T) {
		d := newDuoTwice(t)
		group := netip.MustParseAddr("ff05::51")
		client := d.multicaster(t)
		c := d.listenDSR(t, dsrudp.ListenConfig{}, "udp6", netip.Addr{})
		k2Join(t, c, group, siteIndex(t, d.server, duoDev2))
		request := duoPayload("request to a group")
		_, err := client.WriteToUDPAddrPort([]byte(request), guardVIP(group))
		require.NoError(t, err)
		ps := batchRead(t, c, 1)
		require.Equal(t, group, ps[0].OrigDst)
		require.Equal(t, guardVIP(netip.IPv6Unspecified().WithZone(duoDev2)), ps[0].Path.Local)
		_, err = c.WritePackets(ps)
		require.NoError(t, err)
		b := make([]byte, 2048)
		n, from, err := client.ReadFromUDPAddrPort(b)
		require.NoError(t, err)
		require.Equal(t, request, string(b[:n]))
		require.Equal(t, duoServer6Dev2, from.Addr())
	})
}

// K7.1, K8.3: a client that cannot be reached, for whatever reason and wherever
// its answers are in a list, has the error, and the others have their answers,
// once. It is not taken for a source that is wrong, nor for a system call that is
// forbidden.
func TestK7_1_ErrorsOfTheWay(t *testing.T) {
	const count = 6
	d := newDuo(t)
	d.addFar(t)
	for _, p := range k8Peers {
		far := k8Far4
		if p.a.Is6() {
			far = k8Far6
		}
		for _, o := range k8Obstacles {
			for _, network := range p.networks {
				t.Run("dsrudp/"+o.name+"/"+p.name+"/"+network, func(t *testing.T) {
					c := d.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
					defer c.Close()
					cut, client := d.dialFrom(t, far, p.vips[0]), d.dialFrom(t, p.b, p.vips[1])
					d.ask(t, cut)
					d.ask(t, client)
					ps := batchRead(t, c, 2)
					toCut, toClient := ps[0].Path, ps[1].Path
					remove := o.put(t, d, far)
					defer remove()
					denied, unreachable := c.Stats().SendDenied, c.Stats().SendUnreachable
					for at := range count - 1 {
						var ps []dsrudp.Packet
						var ms []ipv4.Message
						for i := range count {
							to := toClient
							if i == at || i == at+1 { // two of them, which make a group
								to = toCut
							}
							payload := fmt.Sprintf("%d of %d", i, at)
							ps = append(ps, batchPacket(payload, to))
							ms = append(ms, ipv4.Message{Buffers: [][]byte{[]byte(payload)}, Addr: net.UDPAddrFromAddrPort(to.Remote)})
						}
						n, err := c.WritePackets(ps)
						require.Equal(t, count-2, n)
						require.ErrorIs(t, err, o.errno)
						for i := range ps {
							if i == at || i == at+1 {
								require.ErrorIs(t, ps[i].Err, o.errno)
								require.NotErrorIs(t, ps[i].Err, dsrudp.ErrNotLocal)
								continue
							}
							require.NoError(t, ps[i].Err)
							d.requireAccepted(t, client, string(ps[i].Payload()))
						}

						n, err = c.WriteBatch(ms, 0)
						require.Equal(t, at, n)
						require.Equal(t, at == 0, err != nil)
						for i := range at {
							d.requireAccepted(t, client, string(ps[i].Payload()))
						}
						n, err = c.WriteBatch(ms[at:], 0)
						require.Zero(t, n)
						require.ErrorIs(t, err, o.errno)
						n, err = c.WriteBatch(ms[at+2:], 0)
						if at+2 < count {
							require.NoError(t, err)
							require.Equal(t, count-at-2, n)
						}
						for i := at + 2; i < count; i++ {
							d.requireAccepted(t, client, string(ps[i].Payload()))
						}
					}
					s := c.Stats()
					require.Zero(t, s.Refused)
					require.Zero(t, s.OffloadFallbacks)
					switch o.errno {
					case unix.EPERM, unix.EACCES:
						require.Greater(t, s.SendDenied, denied)
					case unix.ENETUNREACH, unix.EHOSTUNREACH:
						require.Greater(t, s.SendUnreachable, unreachable)
					default:
						require.Positive(t, s.SendFailed)
					}
				})
			}
		}
	}
}
