//go:build linux

package compare

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

func onePort(ctx context.Context, t *trial) (finding, error) {
	return t.plays(ctx, func(balancer string) plot {
		return func(ctx context.Context, s *scene) ([]*request, error) {
			l, wire, err := s.build(lab.Options{Balancer: lab.Balancer(balancer), VIPs: 2}, vips4)
			if err != nil {
				return nil, err
			}
			rs := requests(l.Client, wire, l.Client4, ports, l.VIPs4...)
			return rs, ask(ctx, t.bound, rs...)
		}
	}, balancers...)
}

// sees has one backend, so that one client port meets itself there.
func sees(ctx context.Context, t *trial) (finding, error) {
	var asked []*request
	var wire *lab.Capture
	f, err := t.play(ctx, func(ctx context.Context, s *scene) ([]*request, error) {
		l, w, err := s.build(lab.Options{Backends: 1, VIPs: 2}, vips4)
		if err != nil {
			return nil, err
		}
		wire = w
		asked = requests(l.Client, wire, l.Client4, ports, l.VIPs4...)
		for _, r := range asked {
			r.payload = append([]byte(echo.Who), r.payload...)
		}
		return asked, ask(ctx, t.bound, asked...)
	})
	if err != nil || asked == nil {
		return f, err
	}
	f.verdict, f.says, err = knowledge(asked, wire.Packets())
	return f, err
}

// knowledge says what the program knew of the requests, by its answers, also those
// that the client rejected.
func knowledge(rs []*request, packets []lab.Packet) (Verdict, string, error) {
	answered, vips, ports := 0, 0, 0
	var locals, remotes []string
	for _, r := range rs {
		i := slices.IndexFunc(packets, func(p lab.Packet) bool {
			return p.Kind == lab.UDP && !p.Outgoing && p.Dst == r.from && bytes.HasPrefix(p.Payload, append([]byte(echo.Prefix), r.payload...))
		})
		if i < 0 {
			continue
		}
		local, remote, err := echo.Saw(packets[i].Payload)
		if err != nil {
			return "", "", err
		}
		answered++
		if local.Addr() == r.to.Addr() {
			vips++
		} else {
			locals = append(locals, local.Addr().String())
		}
		if remote == r.from {
			ports++
		} else {
			remotes = append(remotes, fmt.Sprintf("%d as %d", r.from.Port(), remote.Port()))
		}
	}
	parts := []string{fmt.Sprintf("it knew the VIP of %d of %d requests", vips, answered)}
	if len(locals) > 0 {
		slices.Sort(locals)
		where := strings.Join(slices.Compact(locals), ", ")
		if where == "::" || where == "0.0.0.0" {
			where = "the wildcard address alone"
		}
		parts[0] += fmt.Sprintf(" (it knew %s)", where)
	}
	parts = append(parts, fmt.Sprintf("and the client's port of %d", ports))
	if len(remotes) > 0 {
		parts = append(parts, fmt.Sprintf("(it saw %s)", remotes[0]))
	}
	met := answered == len(rs) && vips == answered && ports == answered
	return verdict(met), strings.Join(parts, " "), nil
}
