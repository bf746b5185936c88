//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

func asymmetric(ctx context.Context, t *trial) (finding, error) {
	return t.play(ctx, func(ctx context.Context, s *scene) ([]*request, error) {
		l, wire, err := s.build(lab.Options{VIPs: 1, Asymmetric: true}, vips4)
		if err != nil {
			return nil, err
		}
		for _, b := range l.Backends {
			if _, err := s.capture(b.Host, "eth1"); err != nil {
				return nil, err
			}
		}
		rs := requests(l.Client, wire, l.Client4, ports, l.VIPs4...)
		return rs, ask(ctx, t.bound, rs...)
	})
}

// large is the size of a request that no link takes in one piece.
const large = 3000

func fragments(ctx context.Context, t *trial) (finding, error) {
	return t.plays(ctx, func(balancer string) plot {
		return func(ctx context.Context, s *scene) ([]*request, error) {
			l, wire, err := s.build(lab.Options{Balancer: lab.Balancer(balancer), VIPs: 1}, vips4)
			if err != nil {
				return nil, err
			}
			rs := requests(l.Client, wire, l.Client4, ports, l.VIPs4...)
			for _, r := range rs {
				r.payload = append(r.payload, strings.Repeat(".", large-len(r.payload))...)
			}
			return rs, ask(ctx, t.bound, rs...)
		}
	}, balancers...)
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
		wire, err := s.capture(b.Host, "lo")
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
		if err := s.repaired(p.server, []netip.Addr{pairVIP}, pairServer); err != nil {
			return nil, err
		}
		rs := requests(p.client, wire, pairClient, ports, pairServer)
		for _, r := range rs {
			r.send = func() error { return r.sendTo(ctx, at(pairBroadcast)) }
		}
		return rs, ask(ctx, t.bound, rs...)
	})
}

// sendTo sends the request elsewhere than to where its answer must come from.
func (r *request) sendTo(ctx context.Context, to netip.AddrPort) error {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		e := c.Control(func(fd uintptr) {
			for _, option := range []int{syscall.SO_REUSEADDR, syscall.SO_BROADCAST} {
				err = errors.Join(err, syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, option, 1))
			}
		})
		return errors.Join(e, err)
	}}
	return r.host.Do(func() error {
		c, err := lc.ListenPacket(ctx, "udp4", r.from.String())
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.WriteTo(r.payload, net.UDPAddrFromAddrPort(to))
		return err
	})
}
