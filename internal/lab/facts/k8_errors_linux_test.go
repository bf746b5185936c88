package facts_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// K8.1: datagrams of any size make the round trip, the larger ones in
// fragments, each of which has the source. A larger one than there can be is
// EMSGSIZE.
func TestK8_1_Sizes(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	b := make([]byte, 1<<16)
	for _, f := range families {
		vips := l.VIPs4
		if f.name == "IPv6" {
			vips = l.VIPs6
		}
		for _, network := range f.networks {
			t.Run("bare/"+f.name+"/"+network, func(t *testing.T) {
				server, client := s.listen(t, network, netip.Addr{}, freebind), s.dial(t, vips[1])
				for _, size := range []int{0, f.max} {
					_, err := client.Write(make([]byte, size))
					require.NoError(t, err)
					n, from, err := server.ReadFromUDPAddrPort(b)
					require.NoError(t, err)
					require.Equal(t, size, n)
					_, _, err = server.WriteMsgUDPAddrPort(b[:n], source(vips[1]), from)
					require.NoError(t, err)
					require.Len(t, read(t, client), size)
					_, _, err = server.WriteMsgUDPAddrPort(b[:f.max+1], source(vips[1]), from)
					require.ErrorIs(t, err, unix.EMSGSIZE)
				}
			})
			t.Run("dsrudp/"+f.name+"/"+network, func(t *testing.T) {
				c, clients, whole := s.wildcard(t, network), s.dialAll(t, vips...), lab.MTU-f.header-8
				for _, size := range []int{0, 1, whole, whole + 1, 4000, f.max} {
					for _, w := range ways {
						for i, client := range clients {
							request := bytes.Repeat([]byte{byte(size), byte(i + 1), 3}, size/3+1)[:size]
							_, err := client.Write(request)
							require.NoError(t, err)
							r, err := w.receive(c)
							require.NoError(t, err)
							require.NoError(t, r.answer(r.payload))
							require.True(t, read(t, client) == string(request), "%d bytes by %s", size, w.name)
						}
					}
				}
				for i, client := range clients {
					to := addrPort(client.LocalAddr())
					for _, w := range append(sends[:len(sends):len(sends)], remoteSends...) {
						err := w.send(c, string(b[:f.max+1]), vips[i], to)
						require.ErrorIs(t, err, unix.EMSGSIZE, w.name)
						require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
					}
					s.requireAnswered(t, c, byPath, client)
				}
				require.Zero(t, c.Stats().Refused)
			})
		}
		// No fragment left from another address.
		fragments := 0
		for _, p := range s.wire.Packets() {
			if p.Outgoing && p.Kind == lab.Fragment && p.Src.Addr().Is4() == vips[0].Is4() {
				require.Contains(t, vips, p.Src.Addr(), "%v", p)
				fragments++
			}
		}
		require.Greater(t, fragments, 100)
	}
}

// K8.2: an ICMP error is not reported to an unconnected socket. With IP_RECVERR it
// is, by the next send, whoever that is to, and its datagram is not sent: one
// client that has gone keeps an answer from another.
func TestK8_2_ICMPOfAnotherClient(t *testing.T) {
	s := newCable(t)
	// askAndGo has a client ask, and go.
	askAndGo := func(t *testing.T, from, vip netip.Addr) {
		t.Helper()
		a := s.dialFrom(t, from, vip)
		s.ask(t, a)
		require.NoError(t, a.Close())
	}
	// rejected waits until the ICMP error for an answer is with the server. What
	// the server receives later its kernel processes later.
	rejected := func(t *testing.T, answer string) {
		t.Helper()
		to := waitSent(t, s.wire, answer).Dst
		waitFor(t, s.wire, func(p lab.Packet) bool { return !p.Outgoing && p.Kind == lab.PortUnreachable && p.Inner.Dst == to })
	}
	receiveErrors := func(network string) []option {
		options := []option{on(unix.IPPROTO_IP, unix.IP_RECVERR)}
		if network != "udp4" {
			options = append(options, on(unix.IPPROTO_IPV6, unix.IPV6_RECVERR))
		}
		return options
	}
	eachFamily(t, "bare", func(t *testing.T, f family, network string) {
		b := s.listen(t, network, netip.Addr{}, append(receiveErrors(network), freebind)...)
		other := s.dialFrom(t, f.b, f.vips[1])
		asked := b.asked(other)
		askAndGo(t, f.a, f.vips[0])
		rejected(t, b.answer(b.receive(), source(f.vips[0])))
		soon(t, "the error is queued", func() bool { return b.poll()&unix.POLLERR != 0 })

		lost, err := b.tryAnswer(asked, source(f.vips[1]))
		require.ErrorIs(t, err, unix.ECONNREFUSED)
		s.requireNotSent(t, lost)
		requireAccepted(t, other, b.answer(asked, source(f.vips[1])))
	})
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		c := s.wildcard(t, network)
		require.Zero(t, get(t, c, unix.IPPROTO_IP, unix.IP_RECVERR))
		if network != "udp4" {
			require.Zero(t, get(t, c, unix.IPPROTO_IPV6, unix.IPV6_RECVERR))
		}
		for _, w := range ways {
			askAndGo(t, f.a, f.vips[0])
			gone, err := w.receive(c)
			require.NoError(t, err)
			for range 3 {
				answer := unique("to nobody")
				require.NoError(t, gone.answer(answer))
				rejected(t, answer)
				s.requireAnswered(t, c, w, s.dialFrom(t, f.b, f.vips[1]), s.dialFrom(t, f.a, f.vips[0]))
			}
		}
	})
}

// An obstacle keeps datagrams of the server from the far address, and takes itself
// away again.
type obstacle struct {
	name  string
	errno error
	put   func(t *testing.T, s *site, f family) (remove func())
}

var obstacles = []obstacle{
	{"netfilter", unix.EPERM, func(t *testing.T, s *site, f family) func() {
		offset := map[string]int{"IPv4": 16, "IPv6": 24}[f.name] // of the destination in the header
		return s.drop(t, f.name == "IPv6", expr.PayloadBaseNetworkHeader, offset, f.far.AsSlice())
	}},
	{"no route", unix.ENETUNREACH, func(t *testing.T, s *site, f family) func() {
		require.NoError(t, s.server.DelRoute(f.farNet, f.a, dev))
		return func() { require.NoError(t, s.server.AddRoute(f.farNet, f.a, dev)) }
	}},
	{"unreachable", unix.EHOSTUNREACH, farRoute(unix.RTN_UNREACHABLE)},
	{"prohibit", unix.EACCES, farRoute(unix.RTN_PROHIBIT)},
	{"blackhole", unix.EINVAL, farRoute(unix.RTN_BLACKHOLE)},
}

// farRoute enters a route of the type for the far address.
func farRoute(kind int) func(t *testing.T, s *site, f family) func() {
	return func(t *testing.T, s *site, f family) func() {
		r := &netlink.Route{Dst: ipNet(single(f.far)), Type: kind, Table: unix.RT_TABLE_MAIN}
		if f.name == "IPv6" {
			r.LinkIndex = index(t, s.server, "lo") // where the kernel files it
		}
		require.NoError(t, s.server.Netlink().RouteAdd(r))
		return func() { require.NoError(t, s.server.Netlink().RouteDel(r)) }
	}
}

// K8.3: errors that have nothing to do with the source, though some of them
// (EINVAL, ENETUNREACH) are those of a wrong source too. They come back as they
// are, a wrong source is distinguished, and other clients are not concerned.
func TestK8_3_ErrorsOfTheWay(t *testing.T) {
	s := newCable(t)
	s.addFar(t)
	for _, o := range obstacles {
		eachFamily(t, "bare/"+o.name, func(t *testing.T, f family, network string) {
			b := s.listen(t, network, netip.Addr{}, freebind)
			r := b.asked(s.dialFrom(t, f.far, f.vips[0]))
			defer o.put(t, s, f)()
			for _, oob := range [][]byte{nil, source(f.vips[0])} {
				_, err := b.tryAnswer(r, oob)
				require.ErrorIs(t, err, o.errno)
			}
		})
		eachFamily(t, "dsrudp/"+o.name, func(t *testing.T, f family, network string) {
			c := s.wildcard(t, network)
			cut, other := s.dialFrom(t, f.far, f.vips[0]), s.dialFrom(t, f.b, f.vips[1])
			for i, w := range ways {
				round := s.receiveAll(t, c, w, cut, other)
				remove := o.put(t, s, f)
				err := round.answers[0]("does not leave")
				require.ErrorIs(t, err, o.errno)
				require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
				requireOp(t, err, "write")
				require.EqualValues(t, i+1, failures(c))
				require.NoError(t, round.answers[1]("the other's answer"))
				requireAccepted(t, other, "the other's answer")

				requireNotLocal(t, sends[0].send(c, "not from there either", f.foreign, addrPort(cut.LocalAddr())))
				require.EqualValues(t, i+1, c.Stats().Refused)
				remove()
				round.requireAccepted(t)
			}
		})
	}
}

// K7.1, K8.3: a client that cannot be reached, for whatever reason and wherever
// its answers are in a list, has the error, and the others have their answers,
// once. It is not taken for a source that is wrong, nor for a system call that is
// forbidden.
func TestK7_1_ErrorsOfTheWay(t *testing.T) {
	const count = 6
	s := newCable(t)
	s.addFar(t)
	for _, o := range obstacles {
		eachFamily(t, "dsrudp/"+o.name, func(t *testing.T, f family, network string) {
			c := s.wildcard(t, network)
			cut, client := s.dialFrom(t, f.far, f.vips[0]), s.dialFrom(t, f.b, f.vips[1])
			toCut, toClient := s.path(t, c, cut), s.path(t, c, client)
			defer o.put(t, s, f)()
			for at := range count - 1 {
				var ps []dsrudp.Packet
				for i := range count {
					to := toClient
					if i == at || i == at+1 { // two of them, which can be one message
						to = toCut
					}
					ps = append(ps, packet(fmt.Sprintf("%d of %d", i, at), to))
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
					requireAccepted(t, client, string(ps[i].Payload()))
				}
			}
			require.Zero(t, c.Stats().Refused+c.Stats().OffloadFallbacks)
			require.Positive(t, failures(c))
		})
	}
}
