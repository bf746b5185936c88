//go:build !dsrudp_portable

package mmsg_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// TestBatchOverlooks: a Loop is overlooked if it waits and a datagram is there, even
// an empty one.
func TestBatchOverlooks(t *testing.T) {
	x, _ := socket(t, "udp4", "127.0.0.1:0", false)
	y, yc := socket(t, "udp4", "127.0.0.1:0", false)
	asking, _ := inbound(x, 1, 8)
	in, _ := inbound(y, 4, 8)
	require.False(t, asking.Overlooks(in.Waiting()))
	in.SetWaits(true)
	require.False(t, asking.Overlooks(in.Waiting()))
	sendAll(t, yc, addrOf(yc, "127.0.0.1"), "")
	require.True(t, asking.Overlooks(in.Waiting()))
	require.Zero(t, testing.AllocsPerRun(10, func() { asking.Overlooks(in.Waiting()) }))
	in.SetWaits(false)
	require.False(t, asking.Overlooks(in.Waiting()))
	in.SetWaits(true)
	n, err := in.Poll(4)
	require.NoError(t, err)
	require.Equal(t, 1, n, "it was looked at, not received")
	require.False(t, asking.Overlooks(in.Waiting()))
	sendAll(t, yc, addrOf(yc, "127.0.0.1"), "1")
	require.True(t, asking.Overlooks(in.Waiting()))
	require.NoError(t, yc.Close())
	require.False(t, asking.Overlooks(in.Waiting()))
}

// TestBatchLoopWaits: a Loop waits when its queue is empty, and not while it has a
// datagram in hand or has ended.
func TestBatchLoopWaits(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	self := addrOf(c, "127.0.0.1")
	in, _ := inbound(s, 2, 8)
	ended := make(chan error)
	left := 8
	go func() {
		ended <- in.Loop(func(n int) bool {
			if in.Waits() {
				t.Error("it waits with a datagram in hand")
			}
			left -= n
			return left > 0
		})
	}()
	for _, n := range []int{1, 2, 4} { // not a full batch, one, and several
		soonWaits(t, in)
		for range n {
			sendAll(t, c, self, "1")
		}
	}
	soonWaits(t, in)
	sendAll(t, c, self, "1")
	require.NoError(t, <-ended)
	require.False(t, in.Waits())
}

// TestBatchStreak: a streak is what came since the Loop waited, however full the
// batches were.
func TestBatchStreak(t *testing.T) {
	for _, tc := range []struct {
		size int
		want []uint
	}{
		{1, []uint{1, 2, 3, 4, 5, 1}},
		{2, []uint{2, 4, 5, 1}},
		{5, []uint{5, 1}},
		{8, []uint{5, 1}},
	} {
		s, c := socket(t, "udp4", "127.0.0.1:0", false)
		self := addrOf(c, "127.0.0.1")
		in, _ := inbound(s, tc.size, 8)
		sendAll(t, c, self, "1", "2", "3", "4", "5")
		var streaks []uint
		ended := make(chan error)
		left := 6
		go func() {
			ended <- in.Loop(func(n int) bool {
				streaks = append(streaks, in.Streak())
				left -= n
				return left > 0
			})
		}()
		soonWaits(t, in)
		sendAll(t, c, self, "6")
		require.NoError(t, <-ended)
		require.Equal(t, tc.want, streaks, tc.size)
	}
}

func soonWaits(t *testing.T, b *mmsg.InBatch) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !b.Waits(); runtime.Gosched() {
		require.True(t, time.Now().Before(end), "it waits")
	}
}
