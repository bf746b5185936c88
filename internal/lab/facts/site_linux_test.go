// Package facts_test shows, in labs, what the kernel does with the source of a
// datagram, and what dsrudp makes of it.
//
// A fact has a number, such as K1.5, and tests that are named after it; the others
// are named after the promise that they prove. The "bare" half of a test is the fact
// itself: sockets of package net, with control messages made by hand. Its "dsrudp"
// half is the same scene with the library. That a client gets nothing is proved by
// an event, never by waiting: the stray datagram and the client's rejection of it are
// captured, or the server's kernel reports that it found no way, and then a right
// answer arrives first on the same socket.
package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// A site is a server and a client that talks to it through VIPs.
type site struct {
	client, server *lab.Host

	// vips and vips6 are the addresses that the client asks, each a local route of
	// the server.
	vips, vips6 []netip.Addr

	// own and own6 are what the client sees as the source of a datagram that the
	// server sends from the address its kernel chooses.
	own, own6 netip.Addr

	arrivals *lab.Capture // on the client's interface
	wire     *lab.Capture // on the interface of the server that it sends by
	marker   *net.UDPConn // of the server, of package net, connected to the client
}

// dev is the name of most interfaces.
const dev = "eth0"

// balancers are the ways to spread datagrams over backends.
var balancers = []lab.Balancer{lab.ECMP, lab.Maglev}

// newSite builds a lab with one backend, and so with no doubt about which one
// answers.
func newSite(t *testing.T, o lab.Options) (*site, *lab.Lab) {
	t.Helper()
	o.Backends = 1
	l := labtest.New(t, o)
	// An answer that comes from the wrong address is always to be rejected.
	require.NoError(t, l.Client.Sysctl("net.ipv4.icmp_ratelimit", "0"))
	require.NoError(t, l.Client.Sysctl("net.ipv6.icmp.ratelimit", "0"))
	b, out := l.Backends[0], dev
	if o.Asymmetric {
		out = "eth1"
	}
	s := &site{
		client: l.Client, server: b.Host,
		vips: l.VIPs4, own: b.External4,
		vips6: l.VIPs6, own6: b.Internal6,
		arrivals: labtest.Capture(t, l.Client, dev),
		wire:     labtest.Capture(t, b.Host, out),
	}
	s.marker = dial(t, s.server, netip.AddrPort{}, s.sink(t, l.Client4))
	return s, l
}

// The addresses of a cable's ends.
var (
	net4     = netip.MustParsePrefix("192.0.2.0/24")
	net6     = netip.MustParsePrefix("2001:db8:1::/64")
	server4  = netip.MustParseAddr("192.0.2.1")
	client4  = netip.MustParseAddr("192.0.2.2")
	client4B = netip.MustParseAddr("192.0.2.3")
	server6  = netip.MustParseAddr("2001:db8:1::1")
	client6  = netip.MustParseAddr("2001:db8:1::2")
	client6B = netip.MustParseAddr("2001:db8:1::3")

	vips4 = []netip.Addr{netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")}
	vips6 = []netip.Addr{netip.MustParseAddr("2001:db8:51::1"), netip.MustParseAddr("2001:db8:51::2")}

	// A range of VIPs by one route, and two addresses in it.
	vipRange  = netip.MustParsePrefix("2001:db8:96::/96")
	rangeVIPs = []netip.Addr{netip.MustParseAddr("2001:db8:96::1"), netip.MustParseAddr("2001:db8:96::dead:beef")}

	any4 = netip.MustParsePrefix("0.0.0.0/0")
	any6 = netip.MustParsePrefix("::/0")

	// Addresses that nobody has.
	foreign4 = netip.MustParseAddr("203.0.113.99")
	foreign6 = netip.MustParseAddr("2001:db8:bad::1")
)

// A family is what differs between IPv4 and IPv6 on a cable.
type family struct {
	name     string
	networks []string // of sockets that take it
	vips     []netip.Addr
	a, b     netip.Addr // of the client
	foreign  netip.Addr // nobody's
	far      netip.Addr // behind the client, see addFar
	farNet   netip.Prefix
	max      int // bytes of the largest payload
	header   int // bytes of the IP header
}

var families = []family{
	{
		"IPv4", networks4, vips4, client4, client4B, foreign4,
		netip.MustParseAddr("203.0.113.7"), netip.MustParsePrefix("203.0.113.0/28"), 65507, 20,
	},
	{
		"IPv6", networks6, vips6, client6, client6B, foreign6,
		netip.MustParseAddr("2001:db8:77::7"), netip.MustParsePrefix("2001:db8:77::/64"), 65527, 40,
	},
}

// eachFamily runs f for every kind of socket with each family that it takes.
func eachFamily(t *testing.T, what string, test func(t *testing.T, f family, network string)) {
	t.Helper()
	for _, f := range families {
		for _, network := range f.networks {
			t.Run(what+"/"+f.name+"/"+network, func(t *testing.T) { test(t, f, network) })
		}
	}
}

// newCable makes a server and a client at the two ends of one cable, for what a
// balancer in between would only hide. The VIPs of the site are those of IPv6.
func newCable(t *testing.T) *site {
	t.Helper()
	client, server := labtest.NewHost(t, "client"), labtest.NewHost(t, "server")
	require.NoError(t, lab.Connect(client, dev, server, dev))
	for h, addrs := range map[*lab.Host][]netip.Addr{
		server: {server4, server6}, client: {client4, client4B, client6, client6B},
	} {
		for _, a := range addrs {
			bits := net4.Bits()
			if a.Is6() {
				bits = net6.Bits()
			}
			require.NoError(t, h.AddAddr(dev, netip.PrefixFrom(a, bits)))
		}
	}
	// Nobody has to be asked for, so that no datagram waits for an answer.
	introduce(t, client, server, dev, server4, server6)
	introduce(t, server, client, dev, client4, client4B, client6, client6B)
	// To the client the whole world is behind the server.
	require.NoError(t, client.AddRoute(any4, server4, dev))
	require.NoError(t, client.AddRoute(any6, server6, dev))
	require.NoError(t, server.AddLocalRoute(vipRange, dev))
	for _, a := range append(vips4[:2:2], vips6...) {
		require.NoError(t, server.AddLocalRoute(single(a), dev))
	}
	s := &site{
		client: client, server: server,
		vips: append(vips6[:2:2], rangeVIPs...), own: server6,
		vips6: append(vips6[:2:2], rangeVIPs...), own6: server6,
		arrivals: labtest.Capture(t, client, dev),
		wire:     labtest.Capture(t, server, dev),
	}
	s.marker = dial(t, server, netip.AddrPort{}, s.sink(t, client6))
	return s
}

// introduce enters at a the Ethernet address that b has on an interface of the same
// name.
func introduce(t *testing.T, a, b *lab.Host, dev string, addrs ...netip.Addr) {
	t.Helper()
	l, err := b.Link(dev)
	require.NoError(t, err)
	for _, addr := range addrs {
		require.NoError(t, a.AddNeighbor(dev, addr, l.Attrs().HardwareAddr))
	}
}

// linkLocal returns the link-local address that the kernel gave an interface.
func linkLocal(t *testing.T, h *lab.Host, dev string) netip.Addr {
	t.Helper()
	l, err := h.Link(dev)
	require.NoError(t, err)
	addrs, err := h.Netlink().AddrList(l, unix.AF_INET6)
	require.NoError(t, err)
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok && ip.IsLinkLocalUnicast() {
			return ip
		}
	}
	require.Fail(t, "no link-local address", "%s of %s", dev, h.Name)
	return netip.Addr{}
}

// index returns the index of an interface.
func index(t *testing.T, h *lab.Host, dev string) int {
	t.Helper()
	i, err := h.Index(dev)
	require.NoError(t, err)
	return i
}

// addRule has what matches the rule routed by a table in which the addresses of p are
// local.
func (s *site) addRule(t *testing.T, p netip.Prefix, rule *netlink.Rule) {
	t.Helper()
	const table = 100
	rule.Table, rule.Priority, rule.Family = table, 50, unix.AF_INET6
	if p.Addr().Is4() {
		rule.Family = unix.AF_INET
	}
	require.NoError(t, s.server.Netlink().RouteAdd(&netlink.Route{
		Dst: ipNet(p), Type: unix.RTN_LOCAL, Table: table, Scope: netlink.SCOPE_HOST, LinkIndex: index(t, s.server, dev),
	}))
	require.NoError(t, s.server.Netlink().RuleAdd(rule))
}

// single returns the prefix that holds a alone.
func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
