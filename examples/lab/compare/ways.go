//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// asymmetric also tells whether a backend took the client for a neighbour on the
// interface by which requests come in, which is how answers end there.
func asymmetric(ctx context.Context, t *trial) (finding, error) {
	sought := false
	f, err := t.play(ctx, func(ctx context.Context, s *scene) ([]*request, error) {
		l, wire, err := s.build(lab.Options{VIPs: 1, Asymmetric: true}, vips4)
		if err != nil {
			return nil, err
		}
		for _, b := range l.Backends {
			if _, err := s.captureServer(b.Host, "eth1"); err != nil {
				return nil, err
			}
		}
		rs := requests(l.Client, wire, l.Client4, ports, l.VIPs4...)
		if err := ask(ctx, t.bound, rs...); err != nil {
			return nil, err
		}
		for _, b := range l.Backends {
			found, err := soughtNeighbour(b.Host, "eth0", l.Client4)
			if err != nil {
				return nil, err
			}
			sought = sought || found
		}
		return rs, nil
	})
	if sought {
		f.says += "; a backend looked for the client among its neighbours on eth0"
		f.happened = append(f.happened, "sought on eth0")
	}
	return f, err
}

// soughtNeighbour says whether a host has looked for a neighbour on an interface,
// and not found it.
func soughtNeighbour(h *lab.Host, dev string, a netip.Addr) (bool, error) {
	index, err := h.Index(dev)
	if err != nil {
		return false, err
	}
	neighbours, err := h.Netlink().NeighList(index, netlink.FAMILY_ALL)
	return slices.ContainsFunc(neighbours, func(n netlink.Neigh) bool {
		ip, ok := netip.AddrFromSlice(n.IP)
		return ok && ip.Unmap() == a && n.State&(netlink.NUD_INCOMPLETE|netlink.NUD_FAILED) != 0
	}), err
}

// sameHost asks over the backend's loopback interface, by which all that a host
// sends to itself goes.
func sameHost(ctx context.Context, t *trial) (finding, error) {
	return t.play(ctx, func(ctx context.Context, s *scene) ([]*request, error) {
		l, _, err := s.build(lab.Options{Backends: 1, VIPs: 1}, vips4)
		if err != nil {
			return nil, err
		}
		b := l.Backends[0]
		wire, err := s.captureServer(b.Host, "lo")
		if err != nil {
			return nil, err
		}
		var rs []*request
		for _, from := range []netip.AddrPort{{}, netip.AddrPortFrom(b.Internal4, 0), netip.MustParseAddrPort("127.0.0.1:0")} {
			rs = append(rs, &request{
				host: b.Host, wire: wire, from: from, to: at(l.VIPs4[0]),
				payload: fmt.Appendf(nil, "request from %v", from),
			})
		}
		return rs, ask(ctx, t.bound, rs...)
	})
}

// broadcast has the client's socket connected to the server's own address, which
// is where the answer has to come from, and sends the request from another one
// with the same port.
func broadcast(ctx context.Context, t *trial) (finding, error) {
	return t.play(ctx, func(ctx context.Context, s *scene) ([]*request, error) {
		p, err := newPair()
		s.places = append(s.places, p)
		if err != nil {
			return nil, err
		}
		wire, err := s.capture(p.client, pairDev)
		if err != nil {
			return nil, err
		}
		if _, err := s.captureServer(p.server, pairDev); err != nil {
			return nil, err
		}
		if err := s.repaired(p.server, []netip.Addr{pairVIP}, pairServer); err != nil {
			return nil, err
		}
		if err := s.requireServing(ctx, p, wire); err != nil {
			return nil, err
		}
		rs := requests(p.client, wire, pairClient, ports, pairServer)
		for _, r := range rs {
			r.send = func() error { return r.sendTo(ctx, at(pairBroadcast)) }
		}
		return rs, ask(ctx, t.bound, rs...)
	})
}

// requireServing has the program answer one request where its answer is right,
// so that silence afterwards is no sign of a program that does not run.
func (s *scene) requireServing(ctx context.Context, p *pair, wire *lab.Capture) error {
	r := requests(p.client, wire, pairClient, 1, standVIP(s.trial.repair))[0]
	r.from = netip.AddrPort{} // a port of its own: DNAT remembers those it saw
	if err := ask(ctx, s.trial.bound, r); err != nil {
		return err
	}
	if r.outcome != accepted {
		_, says := tally([]*request{r})
		return fmt.Errorf("compare: the program does not even serve %v: %s", r.to.Addr(), says)
	}
	s.earlier = 1
	return nil
}

// sendTo sends the request elsewhere than to where its answer must come from. The
// socket it uses is connected, so that it takes no answer from anywhere else.
func (r *request) sendTo(ctx context.Context, to netip.AddrPort) error {
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(r.from), Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		e := c.Control(func(fd uintptr) {
			for _, option := range []int{syscall.SO_REUSEADDR, syscall.SO_BROADCAST} {
				err = errors.Join(err, syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, option, 1))
			}
		})
		return errors.Join(e, err)
	}}
	return r.host.Do(func() error {
		c, err := d.DialContext(ctx, "udp4", to.String())
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write(r.payload)
		return err
	})
}
