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

// A groupSite is a server and a client on one link, where a request may be for all.
type groupSite struct {
	site
	client *net.UDPConn
	own    netip.Addr // of the server's interface on the link
}

// The groups that the server is asked through.
var groups4 = []netip.Addr{
	netip.MustParseAddr("192.0.2.255"), // of the link's subnet
	netip.MustParseAddr("255.255.255.255"),
	netip.MustParseAddr("239.1.2.3"),
}

// newGroupSite joins two hosts by their interfaces eth0. With asymmetric, the
// server's way to the client is by another link, eth1.
func newGroupSite(t *testing.T, asymmetric bool) *groupSite {
	t.Helper()
	server, client := labtest.NewHost(t, "server"), labtest.NewHost(t, "client")
	require.NoError(t, lab.Connect(server, "eth0", client, "eth0"))
	require.NoError(t, server.AddAddr("eth0", netip.MustParsePrefix("192.0.2.1/24")))
	from := netip.MustParsePrefix("192.0.2.2/24")
	require.NoError(t, client.AddAddr("eth0", from))
	if asymmetric {
		from = netip.MustParsePrefix("203.0.113.2/32")
		require.NoError(t, lab.Connect(server, "eth1", client, "eth1"))
		require.NoError(t, server.AddAddr("eth1", netip.MustParsePrefix("10.129.0.2/24")))
		require.NoError(t, client.AddAddr("eth1", netip.MustParsePrefix("10.129.0.1/24")))
		require.NoError(t, server.AddRoute(netip.MustParsePrefix("203.0.113.0/24"), netip.MustParseAddr("10.129.0.1"), "eth1"))
		require.NoError(t, client.AddAddr("eth0", from))
	}
	require.NoError(t, client.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.Addr{}, "eth0"))
	s := &groupSite{site: site{client: client, server: server}, own: netip.MustParseAddr("192.0.2.1")}
	for _, vip := range []string{"198.51.100.2", "198.51.100.101"} {
		s.vips = append(s.vips, netip.MustParseAddr(vip))
		require.NoError(t, server.AddLocalRoute(netip.PrefixFrom(netip.MustParseAddr(vip), 32), "eth0"))
	}
	// This client is not connected: the answer to a group's request comes from
	// another address than the group's, and a socket connected to a group would
	// reject it. It looks at the source itself.
	require.NoError(t, client.Do(func() (err error) {
		s.client, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from.Addr(), 0)))
		return err
	}))
	siteConn(t, s.client)
	return s
}

// ask sends a request to a group.
func (s *groupSite) ask(t *testing.T, group netip.Addr) {
	t.Helper()
	_, err := s.client.WriteToUDPAddrPort([]byte("request to "+group.String()), netip.AddrPortFrom(group, lab.Port))
	require.NoError(t, err)
}

// requireAnswer requires that the next datagram the client gets is the answer, from
// the address of the server's interface.
func (s *groupSite) requireAnswer(t *testing.T, answer string) {
	t.Helper()
	b := make([]byte, 2048)
	n, from, err := s.client.ReadFromUDPAddrPort(b)
	require.NoError(t, err)
	require.Equal(t, answer, string(b[:n]))
	require.Equal(t, netip.AddrPortFrom(s.own, lab.Port), from, "the answer's source")
}

// join joins the multicast group of groups4 on the server's interface.
func (s *groupSite) join(t *testing.T) bareOption {
	t.Helper()
	m := unix.IPMreqn{Multiaddr: groups4[2].As4(), Ifindex: int32(siteIndex(t, s.server, "eth0"))}
	return func(fd int) error { return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &m) }
}

// K1.11: what is received for a group has the group's address in ipi_addr, and
// in spec_dst the one to answer from.
func TestK1_11_Group(t *testing.T) {
	s := newGroupSite(t, false)
	s.eachBare(t, func(t *testing.T, b *bareServer) {
		for _, group := range groups4 {
			s.ask(t, group)
			r := b.receive()
			require.Equal(t, &info4{ifindex: siteIndex(t, s.server, "eth0"), specDst: s.own, addr: group}, r.v4)
			var cm ipv4.ControlMessage
			require.NoError(t, cm.Parse(r.oob))
			require.Equal(t, group.String(), cm.Dst.String(), "x/net shows ipi_addr alone")

			_, err := b.tryAnswer(r, info4{specDst: r.v4.addr}.oob())
			bareFails(t, err, badSource...)
			s.requireAnswer(t, b.answer(r, info4{specDst: r.v4.specDst}.oob()))
		}
	}, barePktinfo4, s.join(t))
	s.requireGroupsAnswered(t)
}

// Where the way back to the client is by another interface, spec_dst is not the
// receiving interface's: it is what the kernel would choose without being told,
// the preferred source of the route to the client.
func TestK1_11_GroupAsymmetric(t *testing.T) {
	s := newGroupSite(t, true)
	s.eachBare(t, func(t *testing.T, b *bareServer) {
		for _, group := range groups4 {
			s.ask(t, group)
			r := b.receive()
			require.Equal(t, &info4{ifindex: siteIndex(t, s.server, "eth0"), specDst: netip.MustParseAddr("10.129.0.2"), addr: group}, r.v4)
			s.requireAnswer(t, b.answer(r, info4{specDst: s.own}.oob()))
		}
	}, barePktinfo4, s.join(t))
}

// The answer's source is the receiving interface's there too.
func TestPromise3_GroupAsymmetric(t *testing.T) {
	newGroupSite(t, true).requireGroupsAnswered(t)
}

// Of several addresses of the receiving interface the answer takes the one of
// the client's subnet, as the kernel has it in spec_dst.
func TestPromise3_GroupSecondSubnet(t *testing.T) {
	s := newGroupSite(t, false)
	second := netip.MustParsePrefix("198.18.0.1/24")
	require.NoError(t, s.server.AddAddr("eth0", second))
	require.NoError(t, s.site.client.AddAddr("eth0", netip.MustParsePrefix("198.18.0.2/24")))
	require.NoError(t, s.site.client.Do(func() (err error) {
		s.client, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(198, 18, 0, 2)})
		return err
	}))
	siteConn(t, s.client)
	s.own = second.Addr()
	s.requireGroupsAnswered(t)
}

// An interface that has no address has none to answer from, and the kernel's
// choice is as good as any: it is not dropped.
func TestPromise3_GroupWithoutAddress(t *testing.T) {
	s := newGroupSite(t, true)
	require.NoError(t, s.server.DelAddr("eth0", netip.PrefixFrom(s.own, 24)))
	s.own = netip.MustParseAddr("10.129.0.2")
	c := s.listenDSR(t, dsrudp.ListenConfig{Control: bareControl(s.join(t))}, "udp4", netip.Addr{})
	for _, w := range dsrWays {
		for _, group := range groups4[1:] {
			s.ask(t, group)
			r, err := w.receive(c)
			require.NoError(t, err)
			require.NoError(t, r.answer("without an address"))
			s.requireAnswer(t, "without an address")
		}
	}
}

// requireGroupsAnswered requires of every way over sockets of both kinds that
// requests to all groups are answered from the interface.
func (s *groupSite) requireGroupsAnswered(t *testing.T) {
	t.Helper()
	lc := dsrudp.ListenConfig{Control: bareControl(s.join(t))}
	for _, network := range bareNetworks {
		for _, w := range dsrWays {
			t.Run("dsrudp/"+network+"/"+w.name, func(t *testing.T) {
				c := s.listenDSR(t, lc, network, netip.Addr{})
				for _, group := range groups4 {
					s.ask(t, group)
					r, err := w.receive(c)
					require.NoError(t, err)
					answer := "dsrudp's answer to " + r.payload
					require.NoError(t, r.answer(answer))
					s.requireAnswer(t, answer)
				}
				require.Zero(t, c.Stats().LostPath)
			})
		}
		t.Run("dsrudp/"+network+"/Path", func(t *testing.T) {
			c := s.listenDSR(t, lc, network, netip.Addr{})
			for _, group := range groups4 {
				s.ask(t, group)
				_, p, err := c.ReadFromPath(make([]byte, 2048))
				require.NoError(t, err)
				require.Equal(t, dsrudp.Path{Local: netip.AddrPortFrom(s.own, lab.Port), Remote: siteAddr(s.client.LocalAddr())}, p)
			}
		})
	}
}
