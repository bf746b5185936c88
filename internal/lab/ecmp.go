//go:build linux

package lab

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// setUpECMP makes the balancer a router with one multipath route for each VIP
// or range of VIPs. A policy of 1 makes the ports part of the hash.
func (l *Lab) setUpECMP() error {
	settings := append([]string{
		"net.ipv4.fib_multipath_hash_policy", "1",
		"net.ipv6.fib_multipath_hash_policy", "1",
	}, forwarding...)
	if err := l.Balancer.sysctls(settings...); err != nil {
		return err
	}
	in, out := l.balancerIn(), l.balancerOut()
	for _, p := range []port{in, out} {
		if err := p.addAddrs(); err != nil {
			return err
		}
	}
	if err := in.know(l.gatewayFeed()); err != nil {
		return err
	}
	dev, err := l.Balancer.Index(out.dev)
	if err != nil {
		return err
	}
	var hops [2][]*netlink.NexthopInfo // by family
	for _, b := range l.Backends {
		if err := out.know(b.ingress()); err != nil {
			return err
		}
		for i, a := range b.ingress().addrs() {
			hops[i] = append(hops[i], &netlink.NexthopInfo{LinkIndex: dev, Gw: a.AsSlice()})
		}
	}
	for _, p := range l.vipRoutes() {
		family := 0
		if p.Addr().Is6() {
			family = 1
		}
		r := &netlink.Route{Dst: ipNet(p), MultiPath: hops[family]}
		if err := l.Balancer.nl.RouteAdd(r); err != nil {
			return fmt.Errorf("lab: multipath route to %v: %w", p, err)
		}
	}
	return nil
}
