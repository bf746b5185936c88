//go:build linux

package compare

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/naive"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// otherService is the port of the service whose clients fill the table.
const otherService = echo.Port + 1

// A fullStand is a pair whose server tracks connections, and has another service
// and a crowd that asks it.
type fullStand struct {
	pair    *pair
	crowd   *crowd
	size    int // of the table
	service net.PacketConn
	serving sync.WaitGroup

	newcomersSoFar uint16 // each has a port of its own
}

func newFullStand() (s *fullStand, err error) {
	s = new(fullStand)
	if s.pair, err = newPair(); err != nil {
		return s, err
	}
	if err := track(s.pair.server); err != nil {
		return s, err
	}
	if s.size, err = conntrack(s.pair.server, "nf_conntrack_max"); err != nil {
		return s, err
	}
	if err := rememberClients(s.pair.server); err != nil {
		return s, err
	}
	err = s.pair.server.Do(func() (err error) {
		s.service, err = net.ListenUDP("udp", &net.UDPAddr{Port: otherService})
		return err
	})
	if err != nil {
		return s, err
	}
	s.serving.Go(func() { echo.Serve(s.service, naive.Answer, func(error) {}) }) // what fails, the crowd misses
	s.crowd, err = newCrowd(s.pair, netip.AddrPortFrom(pairServer, otherService))
	return s, err
}

// fill has so many clients ask, and again when that makes the kernel keep them.
func (s *fullStand) fill(ctx context.Context, clients int) error {
	n, err := s.crowd.ask(ctx, 0, clients)
	if err != nil {
		return err
	}
	if n != clients {
		return fmt.Errorf("compare: of %d clients that fill the table %d were answered", clients, n)
	}
	select {
	case <-time.After(assured + time.Second/4):
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, err := s.crowd.ask(ctx, 0, clients); err != nil {
		return err
	}
	if n, err = tracked(s.pair.server); err == nil && n < clients {
		err = fmt.Errorf("compare: of %d clients the kernel keeps %d", clients, n)
	}
	return err
}

// dropped returns true when connection tracking has dropped so many datagrams from
// now on, and false if it is not to be known or ctx ends.
func (s *fullStand) dropped(ctx context.Context, n int) (bool, error) {
	before, err := s.drops()
	if errors.Is(err, os.ErrNotExist) {
		return false, nil // the kernel does not tell
	}
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	for now := before; err == nil; now, err = s.drops() {
		if now >= before+n {
			return true, nil
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return false, nil
		}
	}
	return false, err
}

// drops returns how many datagrams connection tracking has dropped.
func (s *fullStand) drops() (n int, err error) {
	err = s.pair.server.Do(func() error {
		file, err := os.Open("/proc/thread-self/net/stat/nf_conntrack")
		if err != nil {
			return err
		}
		defer file.Close()
		lines := bufio.NewScanner(file) // one for each processor, after the head
		lines.Scan()
		column := slices.Index(strings.Fields(lines.Text()), "drop")
		for lines.Scan() {
			words := strings.Fields(lines.Text())
			if column < 0 || column >= len(words) {
				return fmt.Errorf("compare: %s has no column of drops", file.Name())
			}
			k, err := strconv.ParseUint(words[column], 16, 32)
			if err != nil {
				return err
			}
			n += int(k)
		}
		return lines.Err()
	})
	return n, err
}

func (s *fullStand) close() error {
	if s.crowd != nil {
		s.crowd.close()
	}
	if s.service != nil {
		s.service.Close()
		s.serving.Wait()
	}
	return s.pair.Close()
}

// rememberClients has a host's kernel forget no client of a crowd before the last
// has come.
func rememberClients(h *lab.Host) error {
	for _, key := range []string{"nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"} {
		if err := h.Sysctl("net.netfilter."+key, "600"); err != nil {
			return err
		}
	}
	return nil
}
