//go:build linux

package compare

import (
	"context"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// ports is the number of client ports that requests come from: enough for both
// backends to get some.
const ports = 6

var balancers = []string{string(lab.ECMP), string(lab.Maglev)}

func oneVIP(ctx context.Context, t *trial) (finding, error) {
	return t.askVIPs(ctx, vips4, 1)
}

// twoVIPs also shows what comes of a program that is bound to one VIP alone, which
// decides nothing.
func twoVIPs(ctx context.Context, t *trial) (finding, error) {
	f, err := t.askVIPs(ctx, vips4, 2)
	if err != nil || t.repair.program.single == nil {
		return f, err
	}
	alone := *t
	alone.repair.program = *t.repair.program.single
	one, err := alone.askVIPs(ctx, vips4, 2)
	if err != nil {
		return f, err
	}
	f.says += "; bound to the first VIP alone: " + one.says
	for _, h := range one.happened {
		f.happened = append(f.happened, "bound to one alone, "+h)
	}
	f.numbers["requests bound to one"], f.numbers["accepted bound to one"] = one.numbers["requests"], one.numbers["accepted"]
	return f, err
}

func ipv6VIPs(ctx context.Context, t *trial) (finding, error) {
	in6 := *t
	if p := t.repair.program.ipv6; p != nil {
		in6.repair.program = *p
	}
	return in6.askVIPs(ctx, vips6, 1)
}

// askVIPs asks so many VIPs through either balancer, from ports that differ
// between the VIPs.
func (t *trial) askVIPs(ctx context.Context, vips func(*lab.Lab) []netip.Addr, n int) (finding, error) {
	return t.plays(ctx, func(balancer string) plot {
		return func(ctx context.Context, s *scene) ([]*request, error) {
			l, wire, err := s.build(lab.Options{Balancer: lab.Balancer(balancer), VIPs: n}, vips)
			if err != nil {
				return nil, err
			}
			client := l.Client4
			if vips(l)[0].Is6() {
				client = l.Client6
			}
			rs := requests(l.Client, wire, client, ports, vips(l)...)
			fromPortsOfTheirOwn(rs)
			return rs, ask(ctx, t.bound, rs...)
		}
	}, balancers...)
}

// direct asks a VIP and, by its own address, the first backend.
func direct(ctx context.Context, t *trial) (finding, error) {
	return t.play(ctx, func(ctx context.Context, s *scene) ([]*request, error) {
		l, wire, err := s.build(lab.Options{VIPs: 1}, vips4)
		if err != nil {
			return nil, err
		}
		rs := requests(l.Client, wire, l.Client4, ports, l.VIPs4[0], l.Backends[0].External4)
		fromPortsOfTheirOwn(rs)
		return rs, ask(ctx, t.bound, rs...)
	})
}

// fromPortsOfTheirOwn has no two requests leave one port.
func fromPortsOfTheirOwn(rs []*request) {
	for i, r := range rs {
		r.from = netip.AddrPortFrom(r.from.Addr(), firstPort+uint16(i))
	}
}

// The internal balancer's address, which the lab does not know of.
var internalVIP = netip.MustParseAddr("10.131.0.2")

// internalAndExternal has a lab's second backend be a client of the network, and
// sends to the first what is for either VIP.
func internalAndExternal(ctx context.Context, t *trial) (finding, error) {
	return t.play(ctx, func(ctx context.Context, s *scene) ([]*request, error) {
		l, err := lab.New(lab.Options{VIPs: 1})
		if err != nil {
			return nil, err
		}
		s.places = append(s.places, l)
		backend, inside := l.Backends[0], l.Backends[1]
		vips := []netip.Addr{l.VIPs4[0], internalVIP}
		if err := sendTo(l, backend, vips...); err != nil {
			return nil, err
		}
		if _, err := s.captureServer(backend.Host, "eth0"); err != nil {
			return nil, err
		}
		if err := s.repaired(backend.Host, vips, backend.Internal4); err != nil {
			return nil, err
		}
		var rs []*request
		for _, c := range []struct {
			host *lab.Host
			addr netip.Addr
			vip  netip.Addr
		}{{l.Client, l.Client4, l.VIPs4[0]}, {inside.Host, inside.Internal4, internalVIP}} {
			wire, err := s.capture(c.host, "eth0")
			if err != nil {
				return nil, err
			}
			rs = append(rs, requests(c.host, wire, c.addr, ports, c.vip)...)
		}
		return rs, ask(ctx, t.bound, rs...)
	})
}

// sendTo makes VIPs, which may be new to the lab, lead to one backend.
func sendTo(l *lab.Lab, b *lab.Backend, vips ...netip.Addr) error {
	dev, err := l.Balancer.Link("out0")
	if err != nil {
		return err
	}
	for _, v := range vips {
		p := netip.PrefixFrom(v, v.BitLen())
		if v == internalVIP {
			if err := l.Gateway.AddRoute(p, lab.BalancerFeed4, "lb0"); err != nil {
				return err
			}
			if err := b.AddLocalRoute(p, "eth0"); err != nil {
				return err
			}
		}
		err := l.Balancer.Netlink().RouteReplace(&netlink.Route{
			LinkIndex: dev.Attrs().Index,
			Dst:       &net.IPNet{IP: v.AsSlice(), Mask: net.CIDRMask(p.Bits(), v.BitLen())},
			Gw:        b.Internal4.AsSlice(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
