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
	ports := []port{l.gatewayVPC(), l.balancerOut()}
	for _, b := range l.Backends {
		ports = append(ports, b.ingress())
	}
	if err := l.addSegment("vpc", ports); err != nil {
		return err
	}
	if !l.Options.Asymmetric {
		return nil
	}
	ports = []port{l.gatewayEgress()}
	for _, b := range l.Backends {
		ports = append(ports, b.egress())
	}
	return l.addSegment("egress", ports)
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
	d, err := h.Link(dev)
	if err != nil {
		return err
	}
	if err := h.nl.LinkSetMaster(d, b); err != nil {
		return fmt.Errorf("lab: adding %s of %s to bridge %s: %w", dev, h.Name, bridge, err)
	}
	return nil
}

// settle waits for every interface of every host.
func (l *Lab) settle() error {
	for _, h := range l.hosts() {
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
