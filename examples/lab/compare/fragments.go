//go:build linux

package compare

import (
	"context"
	"fmt"
	"strings"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
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

// count counts what a capture saw of UDP between clients and the server's port.
func (ps *pieces) count(packets []lab.Packet) {
	for _, p := range packets {
		side := &ps.in
		if p.Outgoing {
			side = &ps.out
		}
		switch {
		case p.Kind == lab.Fragment || p.Kind == lab.UDP && !hasPort(p):
			side.fragments++
		case p.Kind == lab.UDP && len(p.Payload) < p.Length: // the first one
			side.datagrams++
			side.fragments++
		case p.Kind == lab.UDP:
			side.whole++
		}
	}
}

// hasPort tells a datagram or its first fragment from a later fragment whose
// header says for a moment that it is the first: a capture shares its data with
// the packet on its way, and the next router that cuts the datagram into fragments
// again copies the first one's header over those of the others, and then puts the
// offset right. What a later one has in the place of the ports is payload.
func hasPort(p lab.Packet) bool { return p.Src.Port() == echo.Port || p.Dst.Port() == echo.Port }

// fragmentPayload is what a fragment of IPv4 carries at most over the lab's links:
// a multiple of 8, beside the header.
const fragmentPayload = (lab.MTU - 20) / 8 * 8

// piecesOf returns the number of fragments of datagrams with so many bytes each.
func piecesOf(payloads []int) int {
	n := 0
	for _, bytes := range payloads {
		n += (8 + bytes + fragmentPayload - 1) / fragmentPayload // with UDP's header
	}
	return n
}

// requireFragments returns what the client saw. An error says that what crossed a
// wire of client or servers is not each request and each answer once, in as many
// fragments as it takes.
func (s *scene) requireFragments(client *lab.Capture, rs []*request) (pieces, error) {
	var requests, answers []int
	for _, r := range rs {
		requests = append(requests, len(r.payload))
		if r.outcome == accepted || r.outcome == rejected {
			answers = append(answers, len(echo.Prefix)+len(r.payload))
		}
	}
	var atClient, atServers pieces
	atClient.count(client.Packets())
	frames := lines(client.Packets())
	for _, w := range s.atServers {
		atServers.count(w.Packets())
		frames += lines(w.Packets())
	}
	for _, side := range []struct {
		name string
		fragmented
		want []int
	}{
		{"requests at the client", atClient.out, requests},
		{"requests at the servers", atServers.in, requests},
		{"answers at the servers", atServers.out, answers},
		{"answers at the client", atClient.in, answers},
	} {
		if err := side.check(len(side.want), piecesOf(side.want)); err != nil {
			return atClient, fmt.Errorf("compare: %s: %w; the wires of client and servers had:\n%s", side.name, err, frames)
		}
	}
	return atClient, nil
}

// check requires so many datagrams in so many fragments, no more and no less, and
// two or more for each.
func (f fragmented) check(datagrams, fragments int) error {
	if want := (fragmented{datagrams: datagrams, fragments: fragments}); f != want || fragments < 2*datagrams {
		return fmt.Errorf("%d came whole and %d in %d fragments, where %d have to come in %d, and two or more each",
			f.whole, f.datagrams, f.fragments, datagrams, fragments)
	}
	return nil
}
