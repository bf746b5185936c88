//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// firstPort is the client's port in the document.
const firstPort = 40695

// A trial is one repair being asked one question.
type trial struct {
	repair Repair
	bound  time.Duration
	effort effort
}

// A scene is what a repair is tried in: servers with the repair in place, and
// captures. Its owner closes it.
type scene struct {
	trial     *trial
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
	s.servers = append(s.servers, srv)
	return nil
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

// cause returns what an error of package net wraps.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// named returns the cause of an error, with the name that the manuals have for it.
func named(err error) string {
	err = cause(err)
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return fmt.Sprintf("%s, %v", unix.ErrnoName(errno), errno)
	}
	return err.Error()
}

// A question's plot is played in a scene: it asks, and returns the requests.
type plot func(ctx context.Context, s *scene) ([]*request, error)

// play has the requests of a plot judged: the question is met if all answers
// were accepted.
func (t *trial) play(ctx context.Context, p plot) (f finding, err error) {
	s := &scene{trial: t}
	rs, err := p(ctx, s)
	if err == nil {
		trace(rs, s.atServers...)
		f = findingOf(rs, s.because(rs))
	}
	wires, closeErr := s.close()
	var unbound *listenError
	if errors.As(err, &unbound) {
		says := fmt.Sprintf("the program cannot bind (%s)", named(err))
		return finding{verdict: NotMet, says: says, happened: []string{says}, numbers: map[string]float64{"bound": 0}}, closeErr
	}
	f.wires = wires
	return f, errors.Join(err, closeErr)
}

// plays is play for several scenes, by name, in which all must be met.
func (t *trial) plays(ctx context.Context, p func(name string) plot, names ...string) (finding, error) {
	all := finding{verdict: Met}
	var says []string
	for _, name := range names {
		f, err := t.play(ctx, p(name))
		if err != nil {
			return all, fmt.Errorf("%s: %w", name, err)
		}
		if f.verdict != Met {
			all.verdict = f.verdict
		}
		says = append(says, f.says)
		for _, h := range f.happened {
			all.happened = append(all.happened, name+", "+h)
		}
		all.numbers = sum(all.numbers, f.numbers)
		for _, w := range f.wires {
			w.Host = name + ", " + w.Host
			all.wires = append(all.wires, w)
		}
	}
	all.says = merge(names, says)
	return all, nil
}

// merge says what came of scenes, once if it was the same in all.
func merge(names, says []string) string {
	if len(slices.Compact(slices.Clone(says))) == 1 {
		return says[0] + " (" + strings.Join(names, " and ") + ")"
	}
	var parts []string
	for i, name := range names {
		parts = append(parts, name+": "+says[i])
	}
	return strings.Join(parts, "; ")
}

// at is an address with the server's port.
func at(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, echo.Port) }

// requests returns a request from each of so many ports to each address: the
// first to each are from one port, the second from the next, and so on.
func requests(h *lab.Host, wire *lab.Capture, from netip.Addr, ports int, to ...netip.Addr) []*request {
	var rs []*request
	for i := range ports {
		for _, a := range to {
			rs = append(rs, &request{
				host: h, wire: wire,
				from:    netip.AddrPortFrom(from, firstPort+uint16(i)),
				to:      at(a),
				payload: fmt.Appendf(nil, "request %d to %v", i+1, a),
			})
		}
	}
	return rs
}
