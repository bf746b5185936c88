package mmsg

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ownSocket returns a Socket that owns its conn.
func ownSocket(t *testing.T) *Socket {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	s, err := NewSocket(c, false)
	require.NoError(t, err)
	require.NoError(t, s.Own())
	return s
}

// TestCloseWaits: Close leaves the descriptor open for as long as somebody uses it
// without net's knowing, in either direction.
func TestCloseWaits(t *testing.T) {
	for name, gateOf := range map[string]func(*Socket) *gate{
		"reads":  func(s *Socket) *gate { return &s.life.reads },
		"writes": func(s *Socket) *gate { return &s.life.writes },
	} {
		t.Run(name, func(t *testing.T) {
			s := ownSocket(t)
			g := gateOf(s)
			require.True(t, g.enter())
			closed := make(chan error, 1)
			go func() { closed <- s.Close() }()
			begun := shuts(g)
			err := s.raw.Control(func(uintptr) {})
			g.leave()
			require.True(t, begun)
			require.NoError(t, err, "closed under who uses it")
			require.NoError(t, <-closed)
			require.ErrorIs(t, s.raw.Control(func(uintptr) {}), net.ErrClosed)
		})
	}
}

// TestDeadlineShutsFirst: a deadline is set when nobody can take the way around it any more,
// and by one at a time: the later of two, and Close, find what the other left.
func TestDeadlineShutsFirst(t *testing.T) {
	s := ownSocket(t)
	set := 0
	err := s.setDeadline(time.Time{}, func(time.Time) error {
		set++
		require.Zero(t, s.life.reads.state.Load())
		require.Zero(t, s.life.writes.state.Load())
		require.False(t, s.life.mu.TryLock())
		return nil
	}, &s.life.reads, &s.life.writes)
	require.NoError(t, err)
	require.Equal(t, 1, set)
	require.True(t, s.life.reads.enter())
	require.True(t, s.life.writes.enter())
}

// TestDeadlineNotSet: a deadline that net did not set leaves the gates shut, as
// nobody knows which one counts.
func TestDeadlineNotSet(t *testing.T) {
	s := ownSocket(t)
	err := s.setDeadline(time.Time{}, func(time.Time) error { return net.ErrClosed }, &s.life.reads)
	require.ErrorIs(t, err, net.ErrClosed)
	require.False(t, s.life.reads.enter())
	require.True(t, s.life.writes.enter())
}

// TestDeadlineDoesNotWait: setting a deadline does not wait for who is inside a gate,
// and opens it for nobody else.
func TestDeadlineDoesNotWait(t *testing.T) {
	s := ownSocket(t)
	g := &s.life.writes
	require.True(t, g.enter())
	require.NoError(t, s.SetWriteDeadline(time.Now().Add(time.Hour)))
	require.NoError(t, s.SetWriteDeadline(time.Time{}))
	require.False(t, g.enter())
	g.leave()
	require.True(t, g.enter())
	g.leave()
}
