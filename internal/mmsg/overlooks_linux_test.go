package mmsg_test

import (
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
	require.False(t, asking.Overlooks(in))
	in.SetWaiting(true)
	require.False(t, asking.Overlooks(in))
	sendAll(t, yc, addrOf(yc, "127.0.0.1"), "")
	require.True(t, asking.Overlooks(in))
	require.Zero(t, testing.AllocsPerRun(10, func() { asking.Overlooks(in) }))
	in.SetWaiting(false)
	require.False(t, asking.Overlooks(in))
	in.SetWaiting(true)
	n, err := in.Poll(4)
	require.NoError(t, err)
	require.Equal(t, 1, n, "it was looked at, not received")
	require.False(t, asking.Overlooks(in))
	sendAll(t, yc, addrOf(yc, "127.0.0.1"), "1")
	require.True(t, asking.Overlooks(in))
	require.NoError(t, yc.Close())
	require.False(t, asking.Overlooks(in))
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
			if in.Waiting() {
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
	require.False(t, in.Waiting())
}

func soonWaits(t *testing.T, b *mmsg.Batch) {
	t.Helper()
	require.Eventually(t, b.Waiting, 5*time.Second, time.Millisecond)
}
