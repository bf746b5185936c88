package dsrudp_test

import (
	"net/netip"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestServerLeavesNothing: no goroutine and no descriptor stays behind when a
// Server has ended, in whichever way.
func TestServerLeavesNothing(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	ends := []func(s *dsrudp.Server, cs []*dsrudp.Conn) error{
		func(s *dsrudp.Server, _ []*dsrudp.Conn) error { return s.Shutdown(t.Context()) },
		func(_ *dsrudp.Server, cs []*dsrudp.Conn) error { _ = cs[0].Close(); return cs[1].Close() },
		func(_ *dsrudp.Server, cs []*dsrudp.Conn) error {
			_ = cs[0].SetReadDeadline(past)
			return cs[1].SetReadDeadline(past)
		},
	}
	var kept []*dsrudp.Conn // for a Conn that is forgotten is cleaned up by itself
	defer func() { runtime.KeepAlive(kept) }()
	cycle := func() {
		for _, end := range ends {
			cs, err := (&dsrudp.ListenConfig{GRO: true}).ListenN(t.Context(), "udp", ":0", 2)
			require.NoError(t, err)
			kept = append(kept, cs...)
			s := &dsrudp.Server{Handler: echoing(t)}
			ended := make(chan error)
			go func() { ended <- s.Serve(cs...) }()
			x := dialVIP(t, cs[0], netip.IPv6Loopback())
			begun(t, x)
			require.NoError(t, end(s, cs))
			require.Error(t, await(t, ended))
			require.NoError(t, x.Close())
		}
	}
	descriptors := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(all)
	}
	cycle() // what the runtime opens once
	soon(t, "the guard is closed", func() bool { return len(netlinkSockets(t)) == 0 })
	fds, goroutines := descriptors(), runtime.NumGoroutine()
	for range 10 {
		cycle()
	}
	soon(t, "the guard is closed", func() bool { return len(netlinkSockets(t)) == 0 })
	require.Equal(t, fds, descriptors())
	soon(t, "goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
}
