package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// withdrawals take one of two VIPs from the server, and the way it is put back.
var withdrawals = []struct {
	name       string
	route      netip.Prefix
	gone, stay netip.Addr
	networks   []string
}{
	{"IPv4", netip.PrefixFrom(duoVIPs4[0], 32), duoVIPs4[0], duoVIPs4[1], bareNetworks},
	{"IPv6", netip.PrefixFrom(duoVIPs6[0], 128), duoVIPs6[0], duoVIPs6[1], k2Networks},
	{"a range", duoRange, duoRangeVIPs[0], duoVIPs6[1], k2Networks},
}

// refusedByNow waits until c refuses to send along p, whose VIP was withdrawn:
// for IPv6 the word of it is on its way to the library.
func (d *duo) refusedByNow(t *testing.T, c *dsrudp.Conn, p dsrudp.Path) {
	t.Helper()
	if p.Local.Addr().Is6() {
		p.Remote = d.unheard(t)
	}
	duoSoon(t, "a withdrawn VIP is refused", func() bool {
		_, err := c.WriteToPath([]byte("may still leave"), p)
		return err != nil
	})
}

// K1.14, K2.10: a VIP that is withdrawn between request and answer fails its own
// answers of a batch, none of which leaves, and no others.
func TestWithdrawn_WritePackets(t *testing.T) {
	d := newDuo(t)
	for _, w := range withdrawals {
		for _, network := range w.networks {
			t.Run("dsrudp/"+w.name+"/"+network, func(t *testing.T) {
				c := d.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
				gone, stay := d.dial(t, w.gone), d.dial(t, w.stay)
				goes, stays := d.path(t, c, gone), d.path(t, c, stay)
				never, train := k6Payload(k6Train), k6Payload(k6Train)
				batch := func() []dsrudp.Packet {
					return append(append(k6Packets(never, goes), k6Packets(train, stays)...), k6Packets(never, goes)...)
				}
				n, err := c.WritePackets(batch())
				require.NoError(t, err)
				require.Equal(t, 15, n)
				requireSegments(t, gone, never, k6Size)
				requireSegments(t, stay, train, k6Size)
				requireSegments(t, gone, never, k6Size)

				require.NoError(t, d.server.DelLocalRoute(w.route, duoDev))
				t.Cleanup(func() { _ = d.server.AddLocalRoute(w.route, duoDev) })
				d.refusedByNow(t, c, goes)
				never, train = k6Payload(k6Train), k6Payload(k6Train)
				ps := batch()
				refused := c.Stats().Refused
				n, err = c.WritePackets(ps)
				require.Equal(t, 5, n)
				dsrNotLocal(t, err)
				for _, p := range ps {
					if p.Path == goes {
						dsrNotLocal(t, p.Err)
					} else {
						require.NoError(t, p.Err)
					}
				}
				requireSegments(t, stay, train, k6Size)
				d.requireTrain(t, train, w.stay)
				d.requireSilence(t, string(never), string(never[:k6Size]))
				require.EqualValues(t, refused+10, c.Stats().Refused)
				require.Zero(t, c.Stats().OffloadFallbacks)

				require.NoError(t, d.server.AddLocalRoute(w.route, duoDev))
				n, err = c.WritePackets(k6Packets(never, goes))
				require.NoError(t, err)
				require.Equal(t, 5, n)
				d.requireTrain(t, never, w.gone)
			})
		}
	}
}

// The same with a Server, whose handler is told at once where the library keeps
// the guard, and else OnError.
func TestWithdrawn_Server(t *testing.T) {
	d := newDuo(t)
	for _, w := range withdrawals {
		for _, network := range w.networks {
			t.Run("dsrudp/"+w.name+"/"+network, func(t *testing.T) {
				c := d.listenDSR(t, dsrudp.ListenConfig{GRO: true}, network, netip.Addr{})
				gone, stay := d.dial(t, w.gone), d.dial(t, w.stay)
				received, withdrawn := make(chan dsrudp.Path), make(chan struct{})
				failed := make(chan dsrudp.Path, 1)
				fail := func(p dsrudp.Path, err error) {
					assert.ErrorIs(t, err, dsrudp.ErrNotLocal)
					failed <- p
				}
				serve(t, &dsrudp.Server{OnError: fail, Handler: dsrudp.HandlerFunc(func(rw dsrudp.ReplyWriter, p *dsrudp.Packet) {
					if p.Path.Local.Addr() == w.gone {
						received <- p.Path
						<-withdrawn
					}
					if _, err := rw.Write(p.Payload()); err != nil {
						fail(p.Path, err)
					}
				})}, c)
				never := d.ask(t, gone)
				p := <-received
				require.NoError(t, d.server.DelLocalRoute(w.route, duoDev))
				t.Cleanup(func() { _ = d.server.AddLocalRoute(w.route, duoDev) })
				d.refusedByNow(t, c, p)
				request := d.ask(t, stay)
				close(withdrawn)
				require.Equal(t, p, <-failed)
				d.requireAccepted(t, stay, request)
				d.requireSilenceOfServer(t, never)

				require.NoError(t, d.server.AddLocalRoute(w.route, duoDev))
				request = d.ask(t, gone)
				require.Equal(t, p, <-received)
				d.requireAccepted(t, gone, request)
			})
		}
	}
}

// requireSilenceOfServer is requireSilence for an echo: only the request
// crossed the cable.
func (d *duo) requireSilenceOfServer(t *testing.T, request string) {
	t.Helper()
	d.requireSilence(t) // of what was sent before, all is recorded
	for _, p := range d.wire.Packets() {
		require.False(t, p.Outgoing && string(p.Payload) == request, "%v", p)
	}
}
