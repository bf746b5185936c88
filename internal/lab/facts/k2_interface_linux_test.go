package facts_test

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// A cable of a second interface. The routing table sends what is for the client over
// the first.
const dev2 = "eth1"

var (
	server6Dev2 = netip.MustParseAddr("2001:db8:2::1")
	client6Dev2 = netip.MustParseAddr("2001:db8:2::2")
	server4Dev2 = netip.MustParseAddr("192.168.2.1")
	client4Dev2 = netip.MustParseAddr("192.168.2.2")
)

// newTwoCables is newCable with the second cable, and what the server sends over it.
func newTwoCables(t *testing.T) (*site, *lab.Capture) {
	t.Helper()
	s := newCable(t)
	require.NoError(t, lab.Connect(s.client, dev2, s.server, dev2))
	require.NoError(t, s.server.AddAddr(dev2, netip.PrefixFrom(server6Dev2, 64)))
	require.NoError(t, s.client.AddAddr(dev2, netip.PrefixFrom(client6Dev2, 64)))
	require.NoError(t, s.server.AddAddr(dev2, netip.PrefixFrom(server4Dev2, 24)))
	require.NoError(t, s.client.AddAddr(dev2, netip.PrefixFrom(client4Dev2, 24)))
	introduce(t, s.server, s.client, dev2, client6Dev2, client4Dev2, linkLocal(t, s.client, dev2))
	// Whatever is forced out of the second interface has a way there.
	require.NoError(t, s.server.AddRoute(any6, client6Dev2, dev2))
	require.NoError(t, s.server.AddRoute(any4, client4Dev2, dev2))
	return s, labtest.Capture(t, s.server, dev2)
}

// What came in by one interface is answered by the one that the routing table
// says: an index beside the source is left out, be it that of an interface with
// another route or of one that is gone. The kernel goes by the table only if it
// has no choice.
func TestPromise2_IndexBesideSource(t *testing.T) {
	s, second := newTwoCables(t)
	const gone = 1 << 30
	to := s.sink(t, client6) // behind the first interface
	t.Run("bare", func(t *testing.T) {
		_, err := s.listen(t, "udp6", netip.Addr{}, freebind).sendTo(to, info6{vips6[0], gone}.oob())
		require.ErrorIs(t, err, unix.ENODEV)
	})
	s.eachKind(t, func(t *testing.T, c *dsrudp.Conn, _ []netip.Addr) {
		for _, i := range []int{index(t, s.server, dev2), gone} {
			s.requireSends(t, c, vips6[0].WithZone(strconv.Itoa(i)), to, sends...)
		}
	})
	for _, p := range second.Packets() {
		require.NotEqual(t, to, p.Dst, "%v", p)
	}
}

// Servers of mDNS and DHCP choose the way out to a group by the index, with a
// source beside it or without.
func TestPromise2_IndexToGroup(t *testing.T) {
	s, second := newTwoCables(t)
	i := index(t, s.server, dev2)
	none, none6, linkLocal := netip.Addr{}, netip.IPv6Unspecified(), linkLocal(t, s.server, dev2)
	const mDNS4, mDNS6, all, siteLocal = "224.0.0.251", "ff02::fb", "255.255.255.255", "ff05::51"
	for name, tc := range map[string]struct {
		network string
		bind    netip.Addr
		oob     []byte
		to      string
		want    netip.Addr // source
	}{
		"mDNS":                 {"udp4", none, info4{ifindex: i}.oob(), mDNS4, server4Dev2},
		"mDNS from a VIP":      {"udp4", none, info4{ifindex: i, specDst: vips4[1]}.oob(), mDNS4, vips4[1]},
		"mDNS bound":           {"udp4", vips4[1], info4{ifindex: i}.oob(), mDNS4, vips4[1]},
		"DHCP":                 {"udp4", none, info4{ifindex: i}.oob(), all, server4Dev2},
		"DHCP from a VIP":      {"udp4", none, info4{ifindex: i, specDst: vips4[1]}.oob(), all, vips4[1]},
		"DHCP bound":           {"udp4", vips4[1], info4{ifindex: i}.oob(), all, vips4[1]},
		"mDNS, both":           {"udp", none, info4{ifindex: i}.oob(), mDNS4, server4Dev2},
		"mDNS, both, from VIP": {"udp", none, info4{ifindex: i, specDst: vips4[1]}.oob(), mDNS4, vips4[1]},
		"DHCP, both":           {"udp", none, info4{ifindex: i}.oob(), all, server4Dev2},
		"DHCP, both, from VIP": {"udp", none, info4{ifindex: i, specDst: vips4[1]}.oob(), all, vips4[1]},
		"DHCP, both, IPv6":     {"udp", none, info6{none6, i}.oob(), all, server4Dev2}, // by an IPv6 message
		"mDNS IPv6":            {"udp6", none, info6{none6, i}.oob(), mDNS6, linkLocal},
		"mDNS IPv6, both":      {"udp", none, info6{none6, i}.oob(), mDNS6, linkLocal},
		"mDNS IPv6 from own":   {"udp6", none, info6{linkLocal, i}.oob(), mDNS6, linkLocal},
		"mDNS IPv6 from a VIP": {"udp6", none, info6{vips6[1], i}.oob(), mDNS6, vips6[1]},
		"mDNS IPv6 bound":      {"udp6", vips6[1], info6{none6, i}.oob(), mDNS6, vips6[1]},
		"site":                 {"udp6", none, info6{none6, i}.oob(), siteLocal, server6Dev2},
		"site from a VIP":      {"udp6", none, info6{vips6[1], i}.oob(), siteLocal, vips6[1]},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.conn(t, dsrudp.ListenConfig{}, tc.network, tc.bind)
			to, before := netip.AddrPortFrom(netip.MustParseAddr(tc.to), 5353), string(tc.oob)
			for way, send := range map[string]func(b []byte) (int, int, error){
				"WriteMsgUDP":         func(b []byte) (int, int, error) { return c.WriteMsgUDP(b, tc.oob, net.UDPAddrFromAddrPort(to)) },
				"WriteMsgUDPAddrPort": func(b []byte) (int, int, error) { return c.WriteMsgUDPAddrPort(b, tc.oob, to) },
			} {
				payload := unique("by " + way)
				_, _, err := send([]byte(payload))
				require.NoError(t, err)
				require.Equal(t, tc.want, waitSent(t, second, payload).Src.Addr())
				s.requireNotSent(t, payload) // by the first
			}
			require.Equal(t, before, string(tc.oob), "control messages are the caller's")
			require.Zero(t, c.Stats().Refused+c.Stats().UnknownPath)
		})
	}
}

// boundTo makes a plain socket bound to a group, which package net does not.
func boundTo(group netip.Addr) kind {
	return kind{"bound to the group", netip.Addr{}, func(t *testing.T, s *site) *dsrudp.Conn {
		t.Helper()
		var c net.PacketConn
		sa := &unix.SockaddrInet6{Addr: group.As16(), Port: lab.Port}
		if group.IsLinkLocalMulticast() {
			sa.ZoneId = uint32(index(t, s.server, dev2))
		}
		require.NoError(t, s.server.Do(func() error {
			fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
			if err != nil {
				return err
			}
			f := os.NewFile(uintptr(fd), "udp")
			defer f.Close()
			if err := unix.Bind(fd, sa); err != nil {
				return err
			}
			c, err = net.FilePacketConn(f)
			return err
		}))
		return adopt(t, c.(*net.UDPConn))
	}}
}

// A request to an IPv6 group is answered from an address of the interface that
// it came in by, which the kernel finds for the source "::" with the index.
func TestK2_6_MulticastRequest(t *testing.T) {
	s, _ := newTwoCables(t)
	atServer, atClient := index(t, s.server, dev2), index(t, s.client, dev2)
	for group, want := range map[netip.Addr]netip.Addr{
		netip.MustParseAddr("ff02::51"): linkLocal(t, s.server, dev2),
		netip.MustParseAddr("ff05::51"): server6Dev2,
		netip.MustParseAddr("ff0e::51"): server6Dev2,
	} {
		asker := listenUDP(t, s.client, netip.IPv6Unspecified())
		set(t, asker, func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, atClient) })
		g := &groupSite{site: s, asker: asker, from: want}
		t.Run("bare/"+group.String(), func(t *testing.T) {
			b := s.listen(t, "udp6", netip.Addr{}, pktinfo6)
			joinGroup(t, b.UDPConn, group, atServer)
			g.ask(t, group)
			r := b.receive()
			require.Equal(t, &info6{group, atServer}, r.v6)
			_, err := b.tryAnswer(r, r.oob)
			require.ErrorIs(t, err, unix.EINVAL)
			g.requireAnswer(t, b.answer(r, info6{netip.IPv6Unspecified(), atServer}.oob()))
		})
		for _, k := range append(kinds[:len(kinds):len(kinds)], boundTo(group)) {
			if k.vip.IsValid() {
				continue // bound to another address
			}
			t.Run("dsrudp/"+k.name+"/"+group.String(), func(t *testing.T) {
				c := k.open(t, s)
				joinGroup(t, c, group, atServer)
				for _, w := range waysBut(byEcho) {
					g.ask(t, group)
					r, err := w.receive(c)
					require.NoError(t, err)
					require.NoError(t, r.answer("answer to "+r.payload), w.name)
					g.requireAnswer(t, "answer to "+r.payload)
				}

				local := server(netip.IPv6Unspecified().WithZone(dev2))
				g.ask(t, group)
				p := readPackets(t, c, 1)[0]
				require.Equal(t, local, p.Path.Local)
				require.Equal(t, group, p.OrigDst)
				remembered, ok := c.PathTo(p.Path.Remote)
				require.True(t, ok)
				require.Equal(t, local, remembered.Local)

				// As a key, what an address carries is what others return.
				g.ask(t, group)
				_, addr, err := c.ReadFrom(make([]byte, 2048))
				require.NoError(t, err)
				carried, ok := dsrudp.PathOf(addr)
				require.True(t, ok)
				require.Equal(t, p.Path, carried)

				// Handed back, the control messages ask for the group as the source.
				g.ask(t, group)
				r, err := byEcho.receive(c)
				require.NoError(t, err)
				never := unique("from the group")
				requireNotLocal(t, r.answer(never))
				s.requireNotSent(t, never)
				require.Zero(t, c.Stats().LostPath)
			})
		}
	}
}

// joinGroup joins a group on the interface with the index, as programs do.
func joinGroup(t *testing.T, c net.PacketConn, group netip.Addr, index int) {
	t.Helper()
	require.NoError(t, ipv6.NewPacketConn(c).JoinGroup(&net.Interface{Index: index}, &net.UDPAddr{IP: group.AsSlice()}))
}
