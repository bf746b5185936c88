//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A stand is a repair in place on a pair's server, and a crowd of clients.
type stand struct {
	pair   *pair
	server *server
	crowd  *crowd
}

// newStand puts a repair in place. The naive program is asked on the machine's
// own address, where its answers are right.
func newStand(r Repair) (s *stand, err error) {
	s = new(stand)
	if s.pair, err = newPair(); err != nil {
		return s, err
	}
	if r.apply != nil {
		if err := r.apply(s.pair.server, []netip.Addr{pairVIP}, pairServer); err != nil {
			return s, err
		}
	}
	if r.stateful {
		if err := rememberClients(s.pair.server); err != nil {
			return s, err
		}
	}
	if s.server, err = r.program.start(s.pair.server, []netip.Addr{pairVIP}); err != nil {
		return s, err
	}
	s.crowd, err = newCrowd(s.pair, at(standVIP(r)))
	return s, err
}

func standVIP(r Repair) netip.Addr {
	if r.ID == None {
		return pairServer
	}
	return pairVIP
}

// noted is a finding that says where the repair was asked, if it was not at the
// VIP: there no answer of the naive program's is right.
func noted(r Repair, f finding) finding {
	if r.ID != None {
		return f
	}
	f.says += " (asked at the machine's own address)"
	if f.short != "" {
		f.short += ", "
	}
	f.short += "own address"
	return f
}

// ask is crowd.ask, of which all must be answered.
func (s *stand) ask(ctx context.Context, first, last int) error {
	n, err := s.crowd.ask(ctx, first, last)
	if err == nil && n != last-first {
		err = fmt.Errorf("compare: of %d clients %d were answered", last-first, n)
	}
	return err
}

func (s *stand) close() error {
	if s.crowd != nil {
		s.crowd.close()
	}
	if s.server != nil {
		s.server.stop()
	}
	return s.pair.Close()
}

// tracked returns the number of connections that a host's kernel keeps track of.
func tracked(h *lab.Host) (int, error) {
	return conntrack(h, "nf_conntrack_count")
}

// conntrack returns a number that the kernel's connection tracking shows, or 0
// where it is not part of the kernel.
func conntrack(h *lab.Host, name string) (n int, err error) {
	err = h.Do(func() error {
		b, err := os.ReadFile("/proc/sys/net/netfilter/" + name)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil {
			_, err = fmt.Sscan(string(b), &n)
		}
		return err
	})
	return n, err
}
