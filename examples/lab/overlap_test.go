//go:build linux

package main

import (
	"bytes"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A gate holds answers back until there is one to each of several requests, on
// whichever backends they are.
type gate struct {
	mu      sync.Mutex
	waiting []func() error
	size    int
}

func (g *gate) write(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b2 := bytes.Clone(b)
	g.waiting = append(g.waiting, func() error {
		_, err := c.WriteTo(b2, addr)
		return err
	})
	if len(g.waiting) < g.size {
		return len(b), nil
	}
	for _, send := range g.waiting {
		if err := send(); err != nil {
			return 0, err
		}
	}
	g.waiting = nil
	return len(b), nil
}

// One client port asks all VIPs before it reads an answer, and each answer comes
// from the right one: a server that answers nobody before all have asked is
// answered for.
func TestRequestsOverlap(t *testing.T) {
	const vips = 5
	g := &gate{size: vips}
	for _, lb := range []string{"ecmp", "maglev"} {
		for _, f := range []string{"ipv4", "ipv6"} {
			o := parse(t, "-json", "-lb", lb, "-family", f, "-vips", "5", "-count", "1")
			code, stdout, stderr := do(t, o, with("dsrudp", tamper(g.write)))
			require.Equal(t, 0, code, stderr)
			require.Len(t, decode(t, []byte(stdout)).Runs, 2*vips)
		}
	}
}
