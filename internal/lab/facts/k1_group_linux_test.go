package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// A groupSite is a server and a client on one subnet, where a request may be for all.
type groupSite struct {
	*site

	// asker is not connected: the answer to a group's request comes from another
	// address than the group's, and a socket connected to a group would reject it. The
	// tests look at the source.
	asker *net.UDPConn
	from  netip.Addr // of the server: where answers have to come from
}

// The groups that the server is asked through.
var groups4 = []netip.Addr{
	netip.MustParseAddr("192.0.2.255"), // of the link's subnet
	netip.MustParseAddr("255.255.255.255"),
	netip.MustParseAddr("239.1.2.3"),
}

// eth1 is the server's address on its other interface, where it has one.
var eth1 = netip.MustParsePrefix("10.129.0.2/24")

// newGroupSite joins two hosts by their interfaces eth0. With asymmetric, the
// server's way to the client is by another link, eth1.
func newGroupSite(t *testing.T, asymmetric bool) *groupSite {
	t.Helper()
	s := &groupSite{site: &site{client: labtest.NewHost(t, "client"), server: labtest.NewHost(t, "server")}, from: server4}
	require.NoError(t, lab.Connect(s.server, dev, s.client, dev))
	require.NoError(t, s.server.AddAddr(dev, netip.PrefixFrom(server4, 24)))
	require.NoError(t, s.client.AddAddr(dev, netip.PrefixFrom(client4, 24)))
	asker, out := client4, dev
	if asymmetric {
		asker, out = netip.MustParseAddr("203.0.113.2"), "eth1"
		via := eth1.Addr().Prev()
		require.NoError(t, lab.Connect(s.server, out, s.client, out))
		require.NoError(t, s.server.AddAddr(out, eth1))
		require.NoError(t, s.client.AddAddr(out, netip.PrefixFrom(via, 24)))
		require.NoError(t, s.server.AddRoute(netip.MustParsePrefix("203.0.113.0/24"), via, out))
		require.NoError(t, s.client.AddAddr(dev, single(asker)))
	}
	require.NoError(t, s.client.AddRoute(any4, netip.Addr{}, dev))
	s.wire = labtest.Capture(t, s.server, out)
	s.asker = listenUDP(t, s.client, asker)
	s.marker = dial(t, s.server, netip.AddrPort{}, s.sink(t, asker))
	return s
}

// ask sends a request to a group and returns it.
func (s *groupSite) ask(t *testing.T, group netip.Addr) string {
	t.Helper()
	request := unique("request to " + group.String())
	_, err := s.asker.WriteToUDPAddrPort([]byte(request), server(group))
	require.NoError(t, err)
	return request
}

// requireAnswer requires that the next datagram the client gets is the answer, from
// the address that it has to come from.
func (s *groupSite) requireAnswer(t *testing.T, answer string) {
	t.Helper()
	b := make([]byte, 2048)
	n, from, err := s.asker.ReadFromUDPAddrPort(b)
	require.NoError(t, err)
	require.Equal(t, answer, string(b[:n]))
	require.Equal(t, server(s.from), netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port()), "the answer's source")
}

// requireAnswered requires that requests to the groups are answered in every way.
func (s *groupSite) requireAnswered(t *testing.T, c *dsrudp.Conn, groups ...netip.Addr) {
	t.Helper()
	for _, w := range ways {
		for _, group := range groups {
			s.ask(t, group)
			r, err := w.receive(c)
			require.NoError(t, err)
			answer := w.name + "'s answer to " + r.payload
			require.NoError(t, r.answer(answer))
			s.requireAnswer(t, answer)
		}
	}
	require.Zero(t, c.Stats().LostPath)
}

// join joins the multicast group of groups4 on the server's interface.
func (s *groupSite) join(t *testing.T) option {
	t.Helper()
	m := unix.IPMreqn{Multiaddr: groups4[2].As4(), Ifindex: int32(index(t, s.server, dev))}
	return func(fd int) error { return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &m) }
}

// member is conn for a Conn that has joined.
func (s *groupSite) member(t *testing.T, network string) *dsrudp.Conn {
	t.Helper()
	return s.conn(t, dsrudp.ListenConfig{Control: control(s.join(t))}, network, netip.Addr{})
}

// K1.11: what is received for a group has the group's address in ipi_addr, and
// in spec_dst the one to answer from. Where the way back to the client is by another
// interface, spec_dst is not the receiving interface's: it is what the kernel would
// choose by itself, the preferred source of the route to the client.
func TestK1_11_Group(t *testing.T) {
	for name, specDst := range map[string]netip.Addr{"symmetric": server4, "asymmetric": eth1.Addr()} {
		t.Run(name, func(t *testing.T) {
			s := newGroupSite(t, name == "asymmetric")
			s.eachBare(t, networks4, func(t *testing.T, b *bare) {
				for _, group := range groups4 {
					s.ask(t, group)
					r := b.receive()
					require.Equal(t, &info4{ifindex: index(t, s.server, dev), specDst: specDst, addr: group}, r.v4)
					var cm ipv4.ControlMessage
					require.NoError(t, cm.Parse(r.oob))
					require.Equal(t, group.String(), cm.Dst.String(), "x/net shows ipi_addr alone")

					_, err := b.tryAnswer(r, source(r.v4.addr))
					requireErrno(t, err, badSource...)
					s.requireAnswer(t, b.answer(r, source(s.from)))
				}
			}, pktinfo4, s.join(t))
		})
	}
}

// The answer to a group's request leaves from the receiving interface, and of several
// addresses of that from the one of the client's subnet, as the kernel has it in
// spec_dst.
func TestPromise3_Group(t *testing.T) {
	second := netip.MustParsePrefix("198.18.0.1/24")
	for name, s := range map[string]*groupSite{
		"symmetric": newGroupSite(t, false), "asymmetric": newGroupSite(t, true), "second subnet": newGroupSite(t, false),
	} {
		if name == "second subnet" {
			require.NoError(t, s.server.AddAddr(dev, second))
			require.NoError(t, s.client.AddAddr(dev, netip.PrefixFrom(second.Addr().Next(), 24)))
			s.asker, s.from = listenUDP(t, s.client, second.Addr().Next()), second.Addr()
		}
		for _, network := range networks4 {
			t.Run("dsrudp/"+name+"/"+network, func(t *testing.T) {
				c := s.member(t, network)
				s.requireAnswered(t, c, groups4...)
				for _, group := range groups4 {
					s.ask(t, group)
					p := readPackets(t, c, 1)[0]
					require.Equal(t, dsrudp.Path{Local: server(s.from), Remote: addrPort(s.asker.LocalAddr())}, p.Path)
					require.Equal(t, group, p.OrigDst)
				}
				requests := make(chan dsrudp.Packet, len(groups4))
				serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
					requests <- *p
					echo(t)(w, p)
				})}, c)
				for _, group := range groups4 {
					s.requireAnswer(t, s.ask(t, group))
					require.Equal(t, group, (<-requests).OrigDst)
				}
			})
		}
	}
}

// An interface that has no address has none to answer from, and the kernel's
// choice is as good as any: it is not dropped.
func TestPromise3_GroupWithoutAddress(t *testing.T) {
	s := newGroupSite(t, true)
	require.NoError(t, s.server.DelAddr(dev, netip.PrefixFrom(server4, 24)))
	s.from = eth1.Addr()
	s.requireAnswered(t, s.member(t, "udp4"), groups4[1:]...)
}

// The address to answer a group's requests from is remembered, but not for ever:
// when the interface gets another one, answers come to leave from that. Until then
// they are refused, as the one that is gone cannot be a source.
func TestPromise3_GroupAddressChanges(t *testing.T) {
	// Asymmetric, as there spec_dst, which is always of now, does not show it.
	s := newGroupSite(t, true)
	c := s.member(t, "udp4")
	s.requireAnswered(t, c, groups4[1:]...)

	changed := netip.MustParsePrefix("198.18.0.1/24")
	require.NoError(t, s.server.AddAddr(dev, changed))
	require.NoError(t, s.server.DelAddr(dev, netip.PrefixFrom(server4, 24)))
	s.from = changed.Addr()
	soon(t, "an answer from the new address", func() bool {
		s.ask(t, groups4[1])
		r, err := byPath.receive(c)
		require.NoError(t, err)
		if err := r.answer("from the new address"); err != nil {
			requireNotLocal(t, err)
			return false
		}
		s.requireAnswer(t, "from the new address")
		return true
	})
	s.requireAnswered(t, c, groups4[1:]...)
}

// K1.12: a datagram that was queued before IP_PKTINFO was set comes without
// what the option would have noted: spec_dst and the interface are zero. The
// destination in its header is still there.
func TestK1_12_QueuedBeforeOption(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		client := s.dial(t, s.vips[0])
		s.ask(t, client)
		b.awaitQueued()
		b.set(pktinfo4)
		r := b.receive()
		require.Equal(t, &info4{specDst: netip.IPv4Unspecified(), addr: s.vips[0]}, r.v4)
		s.requireRejected(t, client, b.answer(r, source(r.v4.specDst)), s.own)
		requireAccepted(t, client, b.answer(r, source(r.v4.addr)))
		// What comes from now on is complete.
		require.Equal(t, s.vips[0], b.asked(client).v4.specDst)
	})
	for _, network := range networks4 {
		for _, w := range ways {
			t.Run("dsrudp/"+network+"/"+w.name, func(t *testing.T) {
				for _, vip := range s.vips {
					b, client := s.listen(t, network, netip.Addr{}), s.dial(t, vip)
					asked := s.ask(t, client)
					b.awaitQueued()
					c := adopt(t, b.UDPConn)
					r, err := w.receive(c)
					require.NoError(t, err)
					require.Equal(t, asked, r.payload)
					require.NoError(t, r.answer("late, and right"))
					requireAccepted(t, client, "late, and right")
					s.requireAnswered(t, c, w, client, s.dial(t, s.vips[0]), s.dial(t, s.vips[1]))
					require.Zero(t, c.Stats().LostPath)
					require.NoError(t, c.Close())
				}
			})
		}
	}
}

// What was queued for a group has the group's address alone, and nothing says which
// address to answer from.
func TestK1_12_GroupQueuedBeforeOption(t *testing.T) {
	s := newGroupSite(t, false)
	for _, network := range networks4 {
		t.Run("bare/"+network, func(t *testing.T) {
			for _, group := range groups4 {
				b := s.listen(t, network, netip.Addr{}, s.join(t))
				s.ask(t, group)
				b.awaitQueued()
				b.set(pktinfo4)
				r := b.receive()
				require.Equal(t, &info4{specDst: netip.IPv4Unspecified(), addr: group}, r.v4)
				_, err := b.tryAnswer(r, source(r.v4.addr))
				requireErrno(t, err, badSource...)
				require.NoError(t, b.Close())
			}
		})
		for _, w := range ways {
			t.Run("dsrudp/"+network+"/"+w.name, func(t *testing.T) {
				for _, group := range groups4 {
					b := s.listen(t, network, netip.Addr{}, s.join(t))
					s.ask(t, group)
					b.awaitQueued()
					c := adopt(t, b.UDPConn)
					lost, err := w.receive(c)
					require.NoError(t, err, "the request itself is good")
					require.EqualValues(t, 1, c.Stats().LostPath)
					require.ErrorIs(t, lost.answer(t.Name()), dsrudp.ErrNoPath)
					require.EqualValues(t, 1, c.Stats().Refused)

					// The next one is complete, and the first stays lost, where
					// anything remembers it.
					s.ask(t, group)
					r, err := w.receive(c)
					require.NoError(t, err)
					require.NoError(t, r.answer("right"))
					s.requireAnswer(t, "right")
					if w.name != byMemory.name {
						require.ErrorIs(t, lost.answer(t.Name()), dsrudp.ErrNoPath)
					}
					s.requireNotSent(t, t.Name())
					require.NoError(t, c.Close())
				}
			})
		}
	}
}
