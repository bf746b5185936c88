//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

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
		var w string
		w, err = work(s.conns(), s.hosts...)
		f.work = []string{w}
	}
	wires, closeErr := s.close()
	var unbound *listenError
	if errors.As(err, &unbound) {
		says := fmt.Sprintf("the program cannot bind (%s)", named(err))
		return finding{verdict: NotMet, says: says, happened: []string{says}, numbers: numbers(nil)}, closeErr
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
		all.work = append(all.work, f.work...)
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
