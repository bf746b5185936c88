//go:build linux

package compare

import (
	"context"
	"fmt"
	"strings"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// large is the size of a request that no link takes in one piece.
const large = 3000

func fragments(ctx context.Context, t *trial) (finding, error) {
	return t.askLarge(ctx, large)
}

// askLarge sends requests of a size, and requires that they and their answers
// were in fragments: else it was another question that was put.
func (t *trial) askLarge(ctx context.Context, size int) (finding, error) {
	var total pieces
	f, err := t.plays(ctx, func(balancer string) plot {
		return func(ctx context.Context, s *scene) ([]*request, error) {
			l, wire, err := s.build(lab.Options{Balancer: lab.Balancer(balancer), VIPs: 1}, vips4)
			if err != nil {
				return nil, err
			}
			rs := requests(l.Client, wire, l.Client4, ports, l.VIPs4...)
			for _, r := range rs {
				r.payload = append(r.payload, strings.Repeat(".", size-len(r.payload))...)
			}
			if err := ask(ctx, t.bound, rs...); err != nil {
				return nil, err
			}
			seen, err := s.requireFragments(wire, rs)
			total.add(seen)
			return rs, err
		}
	}, balancers...)
	if err == nil {
		f.says += fmt.Sprintf("; the client saw its %d requests in %d fragments and %d answers in %d",
			total.out.datagrams, total.out.fragments, total.in.datagrams, total.in.fragments)
		f.numbers["fragments of requests"], f.numbers["fragments of answers"] = float64(total.out.fragments), float64(total.in.fragments)
	}
	return f, err
}

// pieces are what crossed interfaces in either direction.
type pieces struct{ in, out fragmented }

// fragmented counts datagrams that came in fragments, the fragments, and datagrams
// that came whole.
type fragmented struct{ datagrams, fragments, whole int }

func (ps *pieces) add(other pieces) {
	for _, side := range []struct{ to, from *fragmented }{{&ps.in, &other.in}, {&ps.out, &other.out}} {
		side.to.datagrams += side.from.datagrams
		side.to.fragments += side.from.fragments
		side.to.whole += side.from.whole
	}
}

// count counts what a capture saw of UDP.
func (ps *pieces) count(packets []lab.Packet) {
	for _, p := range packets {
		side := &ps.in
		if p.Outgoing {
			side = &ps.out
		}
		switch {
		case p.Kind == lab.Fragment:
			side.fragments++
		case p.Kind == lab.UDP && len(p.Payload) < p.Length: // the first one
			side.datagrams++
			side.fragments++
		case p.Kind == lab.UDP:
			side.whole++
		}
	}
}

// requireFragments returns what the client saw. An error says that a request or an
// answer crossed a wire of client or servers whole, or did not cross it.
func (s *scene) requireFragments(client *lab.Capture, rs []*request) (pieces, error) {
	answered := 0
	for _, r := range rs {
		if r.outcome == accepted || r.outcome == rejected {
			answered++
		}
	}
	var atClient, atServers pieces
	atClient.count(client.Packets())
	for _, w := range s.atServers {
		atServers.count(w.Packets())
	}
	for _, side := range []struct {
		name string
		fragmented
		want int
	}{
		{"requests at the client", atClient.out, len(rs)},
		{"requests at the servers", atServers.in, len(rs)},
		{"answers at the servers", atServers.out, answered},
		{"answers at the client", atClient.in, answered},
	} {
		if err := side.check(side.want); err != nil {
			return atClient, fmt.Errorf("compare: %s: %w", side.name, err)
		}
	}
	return atClient, nil
}

// check requires so many datagrams, each in at least two fragments.
func (f fragmented) check(want int) error {
	if f.whole > 0 || f.datagrams < want || f.fragments < 2*f.datagrams {
		return fmt.Errorf("%d came whole and %d in %d fragments, where %d have to come in two or more each",
			f.whole, f.datagrams, f.fragments, want)
	}
	return nil
}
