//go:build linux

package lab

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink"
)

// Port is the server's port in the document the lab follows.
const Port = 60002

// MTU is that of every link in a lab: what a Compute Engine network has by
// default, and what the document shows.
const MTU = 1460

// A network is one segment of the lab, in both families.
type network struct{ v4, v6 netip.Prefix }

// The networks of the lab, from the ranges set aside for documentation and
// from the private range the document shows.
var (
	internet = network{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8:203::/64")}
	external = network{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8:198:51::/64")}
	vpc      = network{netip.MustParsePrefix("10.128.0.0/24"), netip.MustParsePrefix("2001:db8:10:128::/64")}
	egress   = network{netip.MustParsePrefix("10.129.0.0/24"), netip.MustParsePrefix("2001:db8:10:129::/64")}
	feed     = network{netip.MustParsePrefix("10.130.0.0/24"), netip.MustParsePrefix("2001:db8:10:130::/64")}
)

// Host numbers within these networks. Backend i is number firstBackend+i in
// vpc and egress, and firstExternal+i in external.
const (
	gatewayNumber  = 1
	clientNumber   = 2
	firstBackend   = 2
	balancerNumber = 254 // in vpc
	feedNumber     = 2   // the balancer in feed
	firstVIP       = 2
	firstExternal  = 3
	nextVIP        = 100 // VIP i, for i > 0, is number nextVIP+i
)

// The addresses that every lab has, for use before there is one.
// Those of IPv4 are the document's, but for the second VIP's.
var (
	FirstVIP4      = external.addr4(vipNumber(0))
	FirstVIP6      = external.addr6(vipNumber(0))
	SecondVIP4     = external.addr4(vipNumber(1))
	FirstInternal4 = vpc.addr4(firstBackend) // of the first backend
	FirstInternal6 = vpc.addr6(firstBackend)
	BalancerFeed4  = feed.addr4(feedNumber) // the balancer's, towards the gateway
)

// addr4 returns host number n of the network in IPv4.
func (nw network) addr4(n int) netip.Addr {
	a := nw.v4.Addr().As4()
	a[3] = byte(n)
	return netip.AddrFrom4(a)
}

// addr6 returns host number n of the network in IPv6, written with the same
// digits as in IPv4: 198.51.100.101 is next to 2001:db8:198:51::101.
func (nw network) addr6(n int) netip.Addr {
	return netip.MustParseAddr(nw.v6.Addr().String() + strconv.Itoa(n))
}

// mac returns the Ethernet address of host number n, formed as Compute Engine
// forms it: 42:01 followed by the IPv4 address. Known addresses let the lab
// enter its neighbours beforehand, so that no first datagram waits for, or is
// lost to, address resolution.
func (nw network) mac(n int) net.HardwareAddr {
	a := nw.addr4(n).As4()
	return net.HardwareAddr{0x42, 0x01, a[0], a[1], a[2], a[3]}
}

// vipNumber returns the number of VIP i in the external network.
func vipNumber(i int) int {
	if i == 0 {
		return firstVIP
	}
	return nextVIP + i
}

// single returns the prefix that holds a alone.
func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// ipNet converts a prefix for the netlink package.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// Everything, as the destination of a default route.
var (
	any4 = netip.MustParsePrefix("0.0.0.0/0")
	any6 = netip.MustParsePrefix("::/0")
)

// A port is an interface of a host, and its place in a network.
type port struct {
	host   *Host
	dev    string
	nw     network
	number int
}

// The ports of the lab.
func (l *Lab) client() port        { return port{l.Client, "eth0", internet, clientNumber} }
func (l *Lab) gatewayClient() port { return port{l.Gateway, "client0", internet, gatewayNumber} }
func (l *Lab) gatewayFeed() port   { return port{l.Gateway, "lb0", feed, gatewayNumber} }
func (l *Lab) gatewayVPC() port    { return port{l.Gateway, "vpc0", vpc, gatewayNumber} }
func (l *Lab) gatewayEgress() port { return port{l.Gateway, "egress0", egress, gatewayNumber} }
func (l *Lab) balancerIn() port    { return port{l.Balancer, "in0", feed, feedNumber} }
func (l *Lab) balancerOut() port   { return port{l.Balancer, "out0", vpc, balancerNumber} }
func (b *Backend) ingress() port   { return port{b.Host, "eth0", vpc, b.number} }
func (b *Backend) egress() port    { return port{b.Host, "eth1", egress, b.number} }

// addrs returns the port's addresses: IPv4, IPv6.
func (p port) addrs() [2]netip.Addr {
	return [2]netip.Addr{p.nw.addr4(p.number), p.nw.addr6(p.number)}
}

// mac returns the port's Ethernet address.
func (p port) mac() net.HardwareAddr { return p.nw.mac(p.number) }

func (p port) end() end { return end{p.host, p.dev, p.mac()} }

// addAddrs gives the port its addresses, with the length of its network.
func (p port) addAddrs() error {
	a := p.addrs()
	if err := p.host.addAddr(p.dev, netip.PrefixFrom(a[0], p.nw.v4.Bits())); err != nil {
		return err
	}
	return p.host.addAddr(p.dev, netip.PrefixFrom(a[1], p.nw.v6.Bits()))
}

// join gives p its addresses alone, as a Compute Engine machine has them, and
// a way to the gateway and no other neighbour.
func (p port) join(gateway port) error {
	for i, g := range gateway.addrs() {
		if err := p.host.addAddr(p.dev, single(p.addrs()[i])); err != nil {
			return err
		}
		if err := p.host.AddRoute(single(g), netip.Addr{}, p.dev); err != nil {
			return err
		}
	}
	return p.know(gateway)
}

// know enters q as a neighbour of p.
func (p port) know(q port) error {
	for _, a := range q.addrs() {
		if err := p.host.AddNeighbor(p.dev, a, q.mac()); err != nil {
			return err
		}
	}
	return nil
}

// leaveThrough makes p the way to everywhere, through the gateway, from the
// addresses of source. They are named because the interface that asks for them
// need not be the one that has them.
func (p port) leaveThrough(gateway, source port) error {
	everywhere := [2]netip.Prefix{any4, any6}
	for i, g := range gateway.addrs() {
		r := &netlink.Route{
			Dst: ipNet(everywhere[i]),
			Gw:  g.AsSlice(),
			Src: source.addrs()[i].AsSlice(),
		}
		if err := p.host.addRoute(r, p.dev); err != nil {
			return err
		}
	}
	return nil
}
