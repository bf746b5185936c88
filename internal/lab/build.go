//go:build linux

package lab

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
)

// build makes the hosts and everything between them. Nothing is waited for
// before the end, where all of it has had the time to settle.
func (l *Lab) build() error {
	for _, step := range []func() error{
		l.addHosts,
		l.addCables,
		l.setUpClient,
		l.setUpGateway,
		l.setUpBackends,
		l.setUpBalancer,
		l.settle,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// addCables joins the hosts: the client to the gateway and the gateway to the
// balancer directly, everything else over a segment.
func (l *Lab) addCables() error {
	for _, ends := range [][2]port{
		{l.gatewayClient(), l.client()},
		{l.gatewayFeed(), l.balancerIn()},
	} {
		if err := connect(ends[0].end(), ends[1].end(), MTU); err != nil {
			return err
		}
	}
	if err := l.fabric.bridgeOnly(); err != nil {
		return err
	}
	if err := l.addSegment("vpc", append(l.ports((*Backend).ingress), l.gatewayVPC(), l.balancerOut())); err != nil {
		return err
	}
	if !l.Options.Asymmetric {
		return nil
	}
	return l.addSegment("egress", append(l.ports((*Backend).egress), l.gatewayEgress()))
}

// ports returns a port of each backend.
func (l *Lab) ports(of func(*Backend) port) []port {
	var ps []port
	for _, b := range l.Backends {
		ps = append(ps, of(b))
	}
	return ps
}

// addSegment joins ports by a bridge of the fabric, which knows where each
// one is: a frame is seen by the port it is for and by no other.
func (l *Lab) addSegment(name string, ports []port) error {
	if err := l.fabric.addBridge(name); err != nil {
		return err
	}
	for i, p := range ports {
		plug := fmt.Sprintf("%s%d", name, i)
		if err := connect(end{host: l.fabric, dev: plug}, p.end(), MTU); err != nil {
			return err
		}
		if err := l.fabric.addPort(name, plug); err != nil {
			return err
		}
		if err := l.fabric.forwardTo(plug, p.mac()); err != nil {
			return err
		}
	}
	return nil
}

// addBridge adds a bridge that is up and has no address. It forwards groups to
// all its ports, as a cable would, instead of to those that asked.
func (h *Host) addBridge(name string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	snooping := false
	if err := h.nl.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}); err != nil {
		return fmt.Errorf("lab: bridge %s of %s: %w", name, h.Name, err)
	}
	return h.setUp(name)
}

func (h *Host) addPort(bridge, dev string) error {
	b, err := h.Link(bridge)
	if err != nil {
		return err
	}
	return h.withLink("adding to bridge "+bridge, dev, func(l netlink.Link) error { return h.nl.LinkSetMaster(l, b) })
}

// settle waits for every interface of every host.
func (l *Lab) settle() error {
	for _, h := range l.hosts {
		links, err := h.nl.LinkList()
		// A change during the listing is no fault: none of ours comes or goes.
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return fmt.Errorf("lab: interfaces of %s: %w", h.Name, err)
		}
		for _, link := range links {
			if err := h.settle(link.Attrs().Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Forwarding, in both families.
var forwarding = []string{
	"net.ipv4.ip_forward", "1",
	"net.ipv6.conf.all.forwarding", "1",
}

func (l *Lab) setUpClient() error {
	c := l.client()
	if err := c.addAddrs(); err != nil {
		return err
	}
	if err := c.know(l.gatewayClient()); err != nil {
		return err
	}
	return c.leaveThrough(l.gatewayClient(), c)
}

func (l *Lab) setUpGateway() error {
	if err := l.Gateway.sysctls(forwarding...); err != nil {
		return err
	}
	sides := map[port][]port{
		l.gatewayClient(): {l.client()},
		l.gatewayFeed():   {l.balancerIn()},
		l.gatewayVPC():    l.ports((*Backend).ingress),
	}
	if l.Options.Asymmetric {
		sides[l.gatewayEgress()] = l.ports((*Backend).egress)
	}
	for p, neighbours := range sides {
		if err := p.addAddrs(); err != nil {
			return err
		}
		for _, n := range neighbours {
			if err := p.know(n); err != nil {
				return err
			}
		}
	}
	balancer := l.balancerIn().addrs()
	for _, p := range l.vipRoutes() {
		via := balancer[0]
		if p.Addr().Is6() {
			via = balancer[1]
		}
		if err := l.Gateway.AddRoute(p, via, l.gatewayFeed().dev); err != nil {
			return err
		}
	}
	return l.addNAT()
}

func (l *Lab) setUpBackends() error {
	for _, b := range l.Backends {
		in := b.ingress()
		if err := in.join(l.gatewayVPC()); err != nil {
			return err
		}
		out, gateway := in, l.gatewayVPC()
		if l.Options.Asymmetric {
			out, gateway = b.egress(), l.gatewayEgress()
			if err := out.join(gateway); err != nil {
				return err
			}
		}
		if err := out.leaveThrough(gateway, in); err != nil {
			return err
		}
		for _, p := range l.vipRoutes() {
			if err := b.AddLocalRoute(p, in.dev); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Lab) setUpBalancer() error {
	if l.Options.Balancer == Maglev {
		return l.setUpMaglev()
	}
	return l.setUpECMP()
}
