//go:build linux

package compare

import (
	"errors"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// build makes a lab whose backends all have the repair in place for the VIPs
// that vips chooses, all of one family, and captures the client and the backends.
func (s *scene) build(o lab.Options, vips func(*lab.Lab) []netip.Addr) (*lab.Lab, *lab.Capture, error) {
	l, err := lab.New(o)
	if err != nil {
		return nil, nil, err
	}
	s.places = append(s.places, l)
	wire, err := s.capture(l.Client, "eth0")
	if err != nil {
		return nil, nil, err
	}
	for _, b := range l.Backends {
		if _, err := s.captureServer(b.Host, "eth0"); err != nil {
			return nil, nil, err
		}
		chosen := vips(l)
		internal := b.Internal4
		if chosen[0].Is6() {
			internal = b.Internal6
		}
		if err := s.repaired(b.Host, chosen, internal); err != nil {
			return nil, nil, err
		}
	}
	return l, wire, nil
}

func vips4(l *lab.Lab) []netip.Addr { return l.VIPs4 }
func vips6(l *lab.Lab) []netip.Addr { return l.VIPs6 }

// A pair is a server and a client at the two ends of one cable, for what other
// hosts on the way would only blur.
type pair struct{ client, server *lab.Host }

const pairDev = "eth0" // at either end

// The addresses of a pair. Its VIP is the first of a lab.
var (
	pairNet       = netip.MustParsePrefix("192.0.2.0/24")
	pairServer    = netip.MustParseAddr("192.0.2.1")
	pairClient    = netip.MustParseAddr("192.0.2.2")
	pairBroadcast = netip.MustParseAddr("192.0.2.255")
	pairVIP       = lab.FirstVIP4
	everywhere4   = netip.MustParsePrefix("0.0.0.0/0")
)

func newPair() (p *pair, err error) {
	p = new(pair)
	if p.client, err = lab.NewHost("client"); err != nil {
		return p, err
	}
	if p.server, err = lab.NewHost("server"); err != nil {
		return p, err
	}
	if err := lab.Connect(p.client, pairDev, p.server, pairDev); err != nil {
		return p, err
	}
	for _, end := range []struct {
		host, peer *lab.Host
		own, other netip.Addr
	}{
		{p.client, p.server, pairClient, pairServer},
		{p.server, p.client, pairServer, pairClient},
	} {
		if err := end.host.AddAddr(pairDev, netip.PrefixFrom(end.own, pairNet.Bits())); err != nil {
			return p, err
		}
		// Nobody has to be asked for, so that no datagram waits for an answer.
		l, err := end.peer.Link(pairDev)
		if err != nil {
			return p, err
		}
		if err := end.host.AddNeighbor(pairDev, end.other, l.Attrs().HardwareAddr); err != nil {
			return p, err
		}
		if err := end.host.AddRoute(everywhere4, end.other, pairDev); err != nil {
			return p, err
		}
	}
	return p, p.server.AddLocalRoute(netip.PrefixFrom(pairVIP, pairVIP.BitLen()), pairDev)
}

// Close lets go of the hosts.
func (p *pair) Close() error {
	var errs []error
	for _, h := range []*lab.Host{p.client, p.server} {
		if h != nil {
			errs = append(errs, h.Close())
		}
	}
	return errors.Join(errs...)
}
