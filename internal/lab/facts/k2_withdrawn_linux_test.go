package facts_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// withdrawAddress is withdraw for an address of the server's interface lo, which it adds.
func (s *site) withdrawAddress(t *testing.T, a netip.Addr) (restore func()) {
	t.Helper()
	add := func() error { return s.server.AddAddr("lo", single(a)) }
	return s.change(t, single(a), func() error { return s.server.DelAddr("lo", single(a)) }, add)
}

// K2.10: a plain socket cannot send from an address that was taken away; one
// with IPV6_FREEBIND goes on, and one that was bound with it even after the option
// is off.
func TestK2_10_WithdrawnBare(t *testing.T) {
	s := newCable(t)
	vip := s.addToLoopback(t)[0]
	s.eachBare(t, networks6, func(t *testing.T, b *bare) {
		client := s.dial(t, vip)
		r := b.asked(client)
		requireAccepted(t, client, b.answer(r, source(vip)))
		bound := s.listen(t, "udp6", vip, freebind, reusePort)

		s.withdrawAddress(t, vip)
		answer, err := b.tryAnswer(r, source(vip))
		require.ErrorIs(t, err, unix.EINVAL)
		s.requireNotSent(t, answer)
		b.set(freebind)
		s.requireSentFrom(t, b.answer(r, source(vip)), vip)

		s.requireSentFrom(t, bound.answer(r, nil), vip)
		bound.set(freebindOff)
		s.requireSentFrom(t, bound.answer(r, nil), vip)
	}, reusePort)
}

// A due is an answer to a request that came before, in one of the ways.
type due struct {
	way  string
	vip  netip.Addr
	send func(payload string) error
}

// requests has a client of each VIP ask c, once for each way, and returns the
// answers that are then due.
func (s *site) requests(t *testing.T, c *dsrudp.Conn, vips []netip.Addr) (all []due) {
	t.Helper()
	for _, vip := range vips {
		for _, w := range ways {
			s.ask(t, s.dial(t, vip))
			r, err := w.receive(c)
			require.NoError(t, err)
			all = append(all, due{w.name, vip, r.answer})
		}
	}
	return all
}

// K2.10: requests received before a VIP is withdrawn are not answered after it,
// on any kind of Conn and by none of the ways; other VIPs are not concerned. When
// it comes back all is well.
func TestK2_10_Withdrawn(t *testing.T) {
	s := newCable(t)
	address := s.addToLoopback(t)[0]
	requireSent := func(t *testing.T, answers []due) {
		t.Helper()
		for _, a := range answers {
			payload := unique("by " + a.way)
			require.NoError(t, a.send(payload), a.way)
			s.requireSentFrom(t, payload, a.vip)
		}
	}
	for name, tc := range map[string]struct {
		vips     []netip.Addr
		withdraw func(t *testing.T) (restore func())
	}{
		"a route":    {vips6[:1], func(t *testing.T) func() { return s.withdraw(t, single(vips6[0])) }},
		"a range":    {rangeVIPs, func(t *testing.T) func() { return s.withdraw(t, vipRange) }},
		"an address": {[]netip.Addr{address}, func(t *testing.T) func() { return s.withdrawAddress(t, address) }},
	} {
		for _, k := range append(slices.Clone(kinds), listening("udp6", tc.vips[0]), elsewhere("udp", tc.vips[0], freebind)) {
			vips, stays := tc.vips, vips6[1:]
			if k.vip.IsValid() {
				vips, stays = []netip.Addr{k.vip}, nil
			}
			if !slices.Contains(tc.vips, vips[0]) {
				continue // bound to a VIP that stays
			}
			t.Run(name+"/"+k.name, func(t *testing.T) {
				c := k.open(t, s)
				answers, others := s.requests(t, c, vips), s.requests(t, c, stays)
				requireSent(t, answers)
				restore := tc.withdraw(t)
				var never []string
				for _, a := range answers {
					never = append(never, unique("from a withdrawn VIP by "+a.way))
					requireNotLocal(t, a.send(never[len(never)-1]))
				}
				s.requireNotSent(t, never...)
				requireSent(t, others)

				restore()
				requireSent(t, answers)
				s.requireAnswered(t, c, byMemory, s.dialAll(t, slices.Concat(vips, stays)...)...)
			})
		}
	}
}

// K2.10: a socket that was bound before its VIP was withdrawn, and adopted after
// that, with the option on or off by then.
func TestK2_10_AdoptedAfterWithdrawal(t *testing.T) {
	s := newCable(t)
	by := append(remoteSends[:len(remoteSends):len(remoteSends)], sends[0])
	for vip, route := range map[netip.Addr]netip.Prefix{vips6[0]: single(vips6[0]), rangeVIPs[0]: vipRange} {
		for name, option := range map[string]option{"FREEBIND": freebind, "FREEBIND cleared": freebindOff} {
			t.Run(route.String()+"/"+name, func(t *testing.T) {
				b, to := s.listen(t, "udp6", vip, freebind), s.sink(t, client6)
				b.set(option)
				restore := s.withdraw(t, route)
				c := adopt(t, b.UDPConn)
				s.requireRefused(t, c, vip, to, by...)
				restore()
				s.requireSends(t, c, vip, to, by...)
			})
		}
	}
}

// K2.10: a connected socket stops too.
func TestK2_10_WithdrawnConnected(t *testing.T) {
	s := newCable(t)
	vip, to := rangeVIPs[0], s.sink(t, client6)
	dialer := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(server(vip)), Control: control(freebind)}
	var u net.Conn
	require.NoError(t, s.server.Do(func() (err error) {
		u, err = dialer.DialContext(t.Context(), "udp6", to.String())
		return err
	}))
	c := adopt(t, u.(*net.UDPConn))
	by := []sendWay{
		{"Write", func(c *dsrudp.Conn, payload string, _ netip.Addr, _ netip.AddrPort) error {
			_, err := c.Write([]byte(payload))
			return err
		}},
		{"WriteMsgUDP", func(c *dsrudp.Conn, payload string, _ netip.Addr, _ netip.AddrPort) error {
			_, _, err := c.WriteMsgUDP([]byte(payload), nil, nil)
			return err
		}},
	}
	s.requireSends(t, c, vip, to, by...)
	restore := s.withdraw(t, vipRange)
	s.requireRefused(t, c, vip, to, by...)
	restore()
	s.requireSends(t, c, vip, to, by...)
}

// withdrawals take one of two VIPs from the server.
var withdrawals = map[string]struct {
	route      netip.Prefix
	gone, stay netip.Addr
	networks   []string
}{
	"IPv4":    {single(vips4[0]), vips4[0], vips4[1], networks4},
	"IPv6":    {single(vips6[0]), vips6[0], vips6[1], networks6},
	"a range": {vipRange, rangeVIPs[0], vips6[1], networks6},
}

// K1.14, K2.10: a VIP that is withdrawn between request and answer fails its own
// answers of a batch, none of which leaves, and no others. That is no reason to give up
// sending them together.
func TestPromise5_WithdrawnBatch(t *testing.T) {
	s := newCable(t)
	for name, w := range withdrawals {
		for _, network := range w.networks {
			t.Run("dsrudp/"+name+"/"+network, func(t *testing.T) {
				c, gone, stay := s.wildcard(t, network), s.dial(t, w.gone), s.dial(t, w.stay)
				goes, stays := s.path(t, c, gone), s.path(t, c, stay)
				never, payload := segments(), segments()
				batch := func() []dsrudp.Packet {
					return slices.Concat(packets(never, goes), packets(payload, stays), packets(never, goes))
				}
				n, err := c.WritePackets(batch())
				require.NoError(t, err)
				require.Equal(t, 15, n)
				requireSegments(t, gone, never, segmentSize)
				requireSegments(t, gone, never, segmentSize)
				requireSegments(t, stay, payload, segmentSize)

				restore := s.withdraw(t, w.route)
				never, payload = segments(), segments()
				ps := append(batch(), slices.Repeat(packets(never, goes), 20)...)
				n, err = c.WritePackets(ps)
				require.Equal(t, 5, n)
				requireNotLocal(t, err)
				for _, p := range ps {
					if p.Path == goes {
						requireNotLocal(t, p.Err)
					} else {
						require.NoError(t, p.Err)
					}
				}
				requireSegments(t, stay, payload, segmentSize)
				s.requireSentFrom(t, string(payload), w.stay)
				s.requireNotSent(t, string(never), string(never[:segmentSize]))
				require.EqualValues(t, 110, c.Stats().Refused)
				require.Zero(t, c.Stats().OffloadFallbacks)

				restore()
				n, err = c.WritePackets(packets(never, goes))
				require.NoError(t, err)
				require.Equal(t, 5, n)
				s.requireSentFrom(t, string(never), w.gone)
			})
		}
	}
}

// The same with a Server, for what its handler writes before the VIP is withdrawn, which
// is sent after the handler returns, and for what it writes after it. Each is an error
// of the call or one for OnError.
func TestPromise5_WithdrawnServer(t *testing.T) {
	s := newCable(t)
	for name, w := range withdrawals {
		for _, network := range w.networks {
			t.Run("dsrudp/"+name+"/"+network, func(t *testing.T) {
				c := s.conn(t, dsrudp.ListenConfig{GRO: true}, network, netip.Addr{})
				gone, stay := s.dial(t, w.gone), s.dial(t, w.stay)
				never, cut, late := unique("before"), unique("in segments"), unique("after")
				written, withdrawn := make(chan dsrudp.Path), make(chan struct{})
				failed := make(chan dsrudp.Path, 8)
				fail := func(p dsrudp.Path, err error) {
					if err != nil {
						assert.ErrorIs(t, err, dsrudp.ErrNotLocal)
						failed <- p
					}
				}
				serve(t, &dsrudp.Server{OnError: fail, Handler: dsrudp.HandlerFunc(func(rw dsrudp.ReplyWriter, p *dsrudp.Packet) {
					if p.Path.Local.Addr() != w.gone {
						echo(t)(rw, p)
						return
					}
					_, err := rw.Write([]byte(never))
					assert.NoError(t, err)
					q := packet(cut, p.Path)
					q.SegmentSize = 4
					assert.NoError(t, rw.WritePacket(&q))
					written <- p.Path
					<-withdrawn
					_, err = rw.Write([]byte(late))
					fail(p.Path, err)
				})}, c)
				s.ask(t, gone)
				p := await(t, written)
				restore := s.withdraw(t, w.route)
				request := s.ask(t, stay)
				withdrawn <- struct{}{}
				for range 3 {
					require.Equal(t, p, await(t, failed))
				}
				requireAccepted(t, stay, request)
				require.Empty(t, failed)
				s.requireNotSent(t, never, cut, cut[:4], late)

				restore()
				s.ask(t, gone)
				require.Equal(t, p, await(t, written))
				withdrawn <- struct{}{}
				requireAccepted(t, gone, never)
			})
		}
	}
}

// An answer that was taken while the Conn was open is refused for what it is, and
// counted, although the handler closes the Conn.
func TestPromise5_WithdrawnAnswerBeforeClose(t *testing.T) {
	s := newCable(t)
	c := s.wildcard(t, "udp6")
	failed, written, withdrawn := make(chan error, 1), make(chan bool, 1), make(chan bool)
	serve(t, &dsrudp.Server{
		OnError: func(_ dsrudp.Path, err error) { failed <- err },
		Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			echo(t)(w, p)
			written <- true
			<-withdrawn
			c.Close()
		}),
	}, c)
	s.ask(t, s.dial(t, rangeVIPs[0]))
	await(t, written)
	s.withdraw(t, vipRange)
	close(withdrawn)
	require.ErrorIs(t, await(t, failed), dsrudp.ErrNotLocal)
	require.EqualValues(t, 1, c.Stats().Refused)
}
