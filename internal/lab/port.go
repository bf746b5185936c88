//go:build linux

package lab

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
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
