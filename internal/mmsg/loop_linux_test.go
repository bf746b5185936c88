//go:build !dsrudp_portable

package mmsg_test

import (
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// TestBatchPoll: it takes what is there, also after the deadline, and says 0 for
// nothing.
func TestBatchPoll(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	in, buffers := inbound(s, 4, 8)
	n, err := in.Poll(4)
	require.NoError(t, err)
	require.Zero(t, n)
	sendAll(t, c, addrOf(c, "127.0.0.1"), "1", "2", "3")
	require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
	for _, want := range [][]string{{"1", "2"}, {"3"}, {}} {
		n, err = in.Poll(2)
		require.NoError(t, err)
		require.Len(t, want, n)
		for i := range n {
			require.Equal(t, want[i], string(buffers[i][:received(in, i).N]))
		}
	}
}

// TestBatchLoop: every datagram comes to the function, in order, whether they
// come one by one, while it runs, or as more than one batch; it ends when the
// function says so, and may be begun again.
func TestBatchLoop(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	self := addrOf(c, "127.0.0.1")
	in, buffers := inbound(s, 4, 8)
	seen, sent := 0, 0
	more := func(n int) {
		for range n {
			sendAll(t, c, self, strconv.Itoa(sent))
			sent++
		}
	}
	for range 3 {
		more(9) // three batches, the last not full
		end := seen + 20
		require.NoError(t, in.Loop(func(n int) bool {
			for i := range n {
				require.Equal(t, strconv.Itoa(seen), string(buffers[i][:received(in, i).N]))
				seen++
			}
			if n < 4 && seen < end {
				// The queue was shown to be empty, and is not any more: only
				// the poller knows.
				more(min(3, end-seen))
			}
			return seen < end
		}))
		require.Equal(t, end, seen)
	}
}

// TestBatchLoopEnds: a deadline set meanwhile, and Close, end a Loop that waits.
func TestBatchLoopEnds(t *testing.T) {
	for _, end := range []struct {
		want error
		by   func(c *net.UDPConn) error
	}{
		{os.ErrDeadlineExceeded, func(c *net.UDPConn) error { return c.SetReadDeadline(time.Unix(1, 0)) }},
		{net.ErrClosed, (*net.UDPConn).Close},
	} {
		s, c := socket(t, "udp4", "127.0.0.1:0", false)
		in, _ := inbound(s, 4, 8)
		sendAll(t, c, addrOf(c, "127.0.0.1"), "1")
		running, ended := make(chan struct{}), make(chan error)
		go func() {
			ended <- in.Loop(func(int) bool { close(running); return true })
		}()
		<-running
		require.NoError(t, end.by(c))
		require.ErrorIs(t, <-ended, end.want)
	}
}

// TestBatchWithin: an OutBatch sends from within a Loop, and without it.
func TestBatchWithin(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	x, xc := socket(t, "udp4", "127.0.0.1:0", false)
	in, _ := inbound(s, 4, 8)
	out := s.NewOutBatch(4, 0)
	out.Within(in)
	send := func(payloads ...string) {
		for _, p := range payloads {
			build(t, out, addrOf(xc, "127.0.0.1"), []byte(p))
		}
		n, err := out.Send(0, 0)
		require.NoError(t, err)
		require.Equal(t, len(payloads), n)
		out.Reset()
	}
	send("before", "it")
	sendAll(t, xc, addrOf(c, "127.0.0.1"), "1")
	require.NoError(t, in.Loop(func(int) bool {
		send("in", "it")
		build(t, out, addrOf(xc, "127.0.0.1"), tooLong)
		n, err := out.Send(0, 0)
		require.Equal(t, mmsg.TooLong, mmsg.KindOf(err))
		require.Zero(t, n)
		out.Reset()
		return false
	}))
	send("after", "it")
	requireQueued(t, x, "before", "it", "in", "it", "after", "it")
}
