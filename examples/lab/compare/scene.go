//go:build linux

package compare

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A scene is what a repair is tried in: servers with the repair in place, and
// captures. Its owner closes it.
type scene struct {
	trial     *trial
	hosts     []*lab.Host // where the repair is in place
	servers   []*server
	wires     []*lab.Capture
	names     []string     // of the wires
	atServers []serverWire // those of wires that are a server's
	earlier   int          // answers that were sent to other clients than those that count
	places    []io.Closer
}

// repaired puts the repair in place on a host, for VIPs of one family, and
// starts its program.
func (s *scene) repaired(h *lab.Host, vips []netip.Addr, internal netip.Addr) error {
	if s.trial.repair.apply != nil {
		if err := s.trial.repair.apply(h, vips, internal); err != nil {
			return err
		}
	}
	srv, err := s.trial.repair.program.start(h, vips)
	if err != nil {
		return err
	}
	s.hosts, s.servers = append(s.hosts, h), append(s.servers, srv)
	return nil
}

// conns returns the sockets of all servers.
func (s *scene) conns() []net.PacketConn {
	var conns []net.PacketConn
	for _, srv := range s.servers {
		conns = append(conns, srv.conns...)
	}
	return conns
}

// capture records what crosses an interface until the scene is closed.
func (s *scene) capture(h *lab.Host, dev string) (*lab.Capture, error) {
	c, err := h.Capture(dev)
	if err != nil {
		return nil, err
	}
	s.wires = append(s.wires, c)
	s.names = append(s.names, h.Name+" "+dev)
	return c, nil
}

// captureServer is capture for an interface of a server's host.
func (s *scene) captureServer(h *lab.Host, dev string) (*lab.Capture, error) {
	c, err := s.capture(h, dev)
	if err == nil {
		s.atServers = append(s.atServers, serverWire{dev, c})
	}
	return c, err
}

// close ends servers, captures and hosts, and returns what was captured.
func (s *scene) close() ([]Wire, error) {
	for _, srv := range s.servers {
		srv.stop()
	}
	var wires []Wire
	var errs []error
	for i, c := range s.wires {
		packets, err := c.Stop()
		errs = append(errs, err)
		wires = append(wires, Wire{s.names[i], packets})
	}
	for _, p := range s.places {
		errs = append(errs, p.Close())
	}
	return wires, errors.Join(errs...)
}

// because explains why requests were not answered: by the last error that a
// server met, or by how many answers the programs believe that they sent.
func (s *scene) because(rs []*request) string {
	for _, srv := range s.servers {
		if err := srv.err(); err != nil {
			return fmt.Sprintf(" (the program: %s)", named(err))
		}
	}
	if !slices.ContainsFunc(rs, func(r *request) bool { return r.outcome == unanswered }) {
		return ""
	}
	sent := -s.earlier
	for _, srv := range s.servers {
		sent += int(srv.sent.Load())
	}
	return fmt.Sprintf(" (the program sent %s)", plural(sent, "answer"))
}
