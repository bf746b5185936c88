//go:build !dsrudp_portable

package mmsg_test

import (
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// narrow returns a socket and its peer, between which there is room for a few datagrams: a
// pair of Unix ones, as UDP's send buffer does not fill over loopback.
func narrow(t *testing.T) (raw syscall.RawConn, from, to net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	require.NoError(t, unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1)) // the least there is
	ends := [2]net.Conn{}
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "")
		ends[i], err = net.FileConn(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		t.Cleanup(func() { ends[i].Close() })
		require.NoError(t, ends[i].SetDeadline(time.Now().Add(5*time.Second)))
	}
	raw, err = ends[0].(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	return raw, ends[0], ends[1]
}

// drain receives the n datagrams that there are.
func drain(t *testing.T, c net.Conn, n int) {
	t.Helper()
	for range n {
		_, err := c.Read(make([]byte, 8))
		require.NoError(t, err)
	}
}

// A writer is a RawConn that reports when a send waits for room.
type writer struct {
	syscall.RawConn
	asked atomic.Int32  // calls of Write
	waits chan struct{} // the poller is about to wait for room, with net's write lock held
	tries chan struct{} // a call of Control has ended
}

func (w *writer) Write(f func(fd uintptr) bool) error {
	w.asked.Add(1)
	return w.RawConn.Write(func(fd uintptr) bool {
		ok := f(fd)
		if !ok {
			report(w.waits)
		}
		return ok
	})
}

func (w *writer) Control(f func(fd uintptr)) error {
	defer report(w.tries)
	return w.RawConn.Control(f)
}

func report(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// narrowSocket is narrow with a Socket.
func narrowSocket(t *testing.T) (s *mmsg.Socket, w *writer, from, to net.Conn) {
	t.Helper()
	raw, from, to := narrow(t)
	w = &writer{RawConn: raw, waits: make(chan struct{}, 1), tries: make(chan struct{}, 1)}
	return mmsg.SocketOf(w, false), w, from, to
}

// startWaiting has WaitRoom called, and returns when it waits.
func (w *writer) startWaiting(t *testing.T, s *mmsg.Socket, limit time.Duration) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	waits := w.waits
	if limit > 0 {
		<-w.tries // which filled the buffer
		waits = w.tries
	}
	go func() { done <- s.WaitRoom(limit) }()
	select {
	case <-waits: // a bounded one polls again then
	case err := <-done:
		require.Failf(t, "it does not wait", "%v", err)
	}
	return done
}

// fillers are the ways to send until there is no room. They return how many were sent.
func fillers(s *mmsg.Socket) map[string]func() (int, error) {
	m, out := mmsg.NewMsg(), s.NewOut(2, 0)
	return map[string]func() (int, error){
		"Socket": func() (sent int, err error) {
			for {
				if _, err := s.TrySend(m, []byte("1"), nil, nil); err != nil {
					return sent, err
				}
				sent++
			}
		},
		"Out": func() (sent int, err error) {
			for {
				out.Reset()
				for i := range 2 {
					out.Begin(nil, nil)
					out.Append(i, []byte("1"))
				}
				n, err := out.TrySend(0, 2, 0)
				if sent += n; err != nil {
					return sent, err
				}
			}
		},
	}
}

// TestK8_4_TrySend: where there is no room a send returns at once, without asking net for
// its turn, also beside one that waits, and what it says it sent was sent.
func TestK8_4_TrySend(t *testing.T) {
	s, w, _, peer := narrowSocket(t)
	fill := fillers(s)
	for _, f := range fill {
		sent, err := f()
		require.True(t, err == mmsg.ErrWouldBlock, err)
		require.Greater(t, sent, 2)
		drain(t, peer, sent)
		require.NoError(t, peer.SetReadDeadline(past))
		_, err = peer.Read(make([]byte, 8))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, "more was sent")
		require.NoError(t, peer.SetReadDeadline(time.Now().Add(5*time.Second)))
	}
	require.Zero(t, w.asked.Load())

	sent, _ := fill["Socket"]()
	done := w.startWaiting(t, s, 0)
	for _, f := range fill {
		n, err := f()
		require.True(t, err == mmsg.ErrWouldBlock, err)
		require.Zero(t, n)
	}
	drain(t, peer, sent)
	require.NoError(t, <-done)
}

// TestPromise9_WaitRoom: a wait for room, bounded or not, ends when there is some, also
// when it came before, at the write deadline and at Close.
func TestPromise9_WaitRoom(t *testing.T) {
	for name, limit := range map[string]time.Duration{"unbounded": 0, "bounded": 5 * time.Second} {
		t.Run(name, func(t *testing.T) {
			s, w, from, peer := narrowSocket(t)
			sent, _ := fillers(s)["Socket"]()
			drain(t, peer, sent)
			require.NoError(t, s.WaitRoom(limit), "there was room before")

			for _, tc := range []struct {
				end  func()
				want error
			}{
				{func() { drain(t, peer, sent) }, nil},
				{func() {
					s.Expire()
					require.NoError(t, from.SetWriteDeadline(past))
				}, os.ErrDeadlineExceeded},
				{func() { require.NoError(t, from.Close()) }, net.ErrClosed},
			} {
				require.NoError(t, from.SetWriteDeadline(time.Now().Add(5*time.Second)))
				s.Revive()
				sent, _ = fillers(s)["Socket"]()
				done := w.startWaiting(t, s, limit)
				tc.end()
				err := <-done
				require.ErrorIs(t, err, tc.want)
				require.NotErrorAs(t, err, new(*net.OpError))
			}
		})
	}
}

// TestPromise7_WaitRoomBounded: a bounded wait ends without room, beside one that waits.
func TestPromise7_WaitRoomBounded(t *testing.T) {
	s, w, _, peer := narrowSocket(t)
	sent, _ := fillers(s)["Out"]()
	done := w.startWaiting(t, s, 0)
	for _, limit := range []time.Duration{1, 15 * time.Millisecond} {
		err := s.WaitRoom(limit)
		require.True(t, err == mmsg.ErrWouldBlock, err)
	}
	drain(t, peer, sent)
	require.NoError(t, <-done)
	require.NoError(t, s.WaitRoom(5*time.Second))
}

// TestWaitRoomError: an error to be fetched, for which poll(2) returns at once, is no room.
// A socket has one in its error queue, here a full pipe that nobody reads.
func TestWaitRoomError(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	raw, err := w.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Write(func(fd uintptr) bool {
		for err == nil {
			_, err = unix.Write(int(fd), make([]byte, 1<<12))
		}
		return true
	}))
	require.ErrorIs(t, err, unix.EAGAIN)
	require.NoError(t, r.Close())
	s := mmsg.SocketOf(raw, false)
	err = s.WaitRoom(3 * time.Millisecond)
	require.True(t, err == mmsg.ErrWouldBlock, err)
}
