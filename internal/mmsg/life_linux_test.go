//go:build !dsrudp_portable

package mmsg_test

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// owned returns a Socket that owns its conn, and that conn.
func owned(t *testing.T) (*mmsg.Socket, *net.UDPConn) {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	s, err := mmsg.NewSocket(c, false)
	require.NoError(t, err)
	require.NoError(t, s.Own())
	return s, c
}

// TestOwnDeadline: a deadline that is over ends calls that need not wait as well, as
// net's do, and one that was taken back does not.
func TestOwnDeadline(t *testing.T) {
	past := time.Unix(1, 0)
	for name, tc := range map[string]struct {
		set           func(*mmsg.Socket, time.Time) error
		reads, writes bool
	}{
		"both":  {(*mmsg.Socket).SetDeadline, true, true},
		"read":  {(*mmsg.Socket).SetReadDeadline, true, false},
		"write": {(*mmsg.Socket).SetWriteDeadline, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := owned(t)
			self := addrOf(c, "127.0.0.1")
			m, b := mmsg.NewMsg(), make([]byte, 8)
			read := func() error {
				_, err := recvOne(s, m, b, nil)
				return err
			}
			write := func() error {
				_, err := s.Send(m, []byte("1"), nil, &self, 0)
				return err
			}
			writeBatch := func() error {
				out := s.NewOutBatch(1, 0)
				build(t, out, self, []byte("1"))
				_, err := out.Send(0, 0)
				return err
			}
			requireEnds := func(ends bool, call func() error) {
				t.Helper()
				if err := call(); ends {
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				} else {
					require.NoError(t, err)
				}
			}
			for range 6 {
				require.NoError(t, write())
			}
			require.NoError(t, writeBatch())
			require.NoError(t, read())

			require.NoError(t, tc.set(s, past))
			requireEnds(tc.reads, read)
			requireEnds(tc.writes, write)
			requireEnds(tc.writes, writeBatch)
			require.NoError(t, tc.set(s, time.Time{}))
			require.NoError(t, read())
			require.NoError(t, write())
			require.NoError(t, writeBatch())
		})
	}
}

// asked counts how often the Socket asks net.
type asked struct {
	syscall.RawConn
	reads, writes int
}

func (a *asked) Read(f func(fd uintptr) bool) error {
	a.reads++
	return a.RawConn.Read(f)
}

func (a *asked) Write(f func(fd uintptr) bool) error {
	a.writes++
	return a.RawConn.Write(f)
}

// TestOwnAsks: calls ask net where they may have to wait, where somebody else may
// close the descriptor, from Close on, and while a deadline is set.
func TestOwnAsks(t *testing.T) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	a := &asked{RawConn: raw}
	s := mmsg.SocketWith(c, a)
	self := addrOf(c, "127.0.0.1")
	m, out := mmsg.NewMsg(), s.NewOutBatch(1, 0)
	build(t, out, self, []byte("1"))
	write := func() error {
		_, err := s.Send(mmsg.NewMsg(), []byte("1"), nil, &self, 0)
		return err
	}
	requireAsked := func(want bool) {
		t.Helper()
		a.reads, a.writes = 0, 0
		require.NoError(t, write())
		_, err := out.Send(0, 0)
		require.NoError(t, err)
		for range 2 {
			_, err := recvOne(s, m, make([]byte, 8), nil)
			require.NoError(t, err)
		}
		if want {
			require.Equal(t, asked{raw, 2, 2}, *a)
		} else {
			require.Equal(t, asked{raw, 0, 0}, *a)
		}
	}
	requireAsked(true)
	require.NoError(t, s.SetDeadline(time.Time{}))
	requireAsked(true) // it is not its own yet
	require.NoError(t, s.Own())
	requireAsked(false)
	require.NoError(t, s.SetDeadline(time.Now().Add(time.Minute)))
	requireAsked(true)
	require.NoError(t, s.SetReadDeadline(time.Time{}))
	require.NoError(t, s.SetWriteDeadline(time.Time{}))
	requireAsked(false)

	s.End()
	require.NoError(t, s.SetDeadline(time.Time{})) // it comes between the ends of Close
	requireAsked(true)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Own(), net.ErrClosed)
}

// TestOwnWaits: who had to wait asks net the next time, even when it then need not
// wait; the call after that does not ask.
func TestOwnWaits(t *testing.T) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	self := addrOf(c, "127.0.0.1")
	come := func() { sendAll(t, c, self, "1") }
	waits := 0
	a := &asked{RawConn: &waiter{RawConn: raw, wait: func() {
		waits++
		come()
	}}}
	s := mmsg.SocketWith(c, a)
	require.NoError(t, s.Own())
	m := mmsg.NewMsg()
	for _, tc := range []struct {
		come         bool // before it is waited for
		waits, reads int
	}{
		{true, 0, 0},
		{false, 1, 1},
		{false, 1, 1},
		{true, 0, 1},
		{true, 0, 0},
		{false, 1, 1},
	} {
		if tc.come {
			come()
		}
		waits, a.reads = 0, 0
		_, err := recvOne(s, m, make([]byte, 8), nil)
		require.NoError(t, err)
		require.Equal(t, tc.waits, waits)
		require.Equal(t, tc.reads, a.reads)
	}
}

// TestOwnClosed: after Close the descriptor is left alone, whosever it is then.
func TestOwnClosed(t *testing.T) {
	s, c := owned(t)
	self := addrOf(c, "127.0.0.1")
	m := mmsg.NewMsg()
	_, err := s.Send(m, []byte("1"), nil, &self, 0)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = s.Send(m, []byte("1"), nil, &self, 0)
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = recvOne(s, m, make([]byte, 8), nil)
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, s.Close(), net.ErrClosed)
	require.ErrorIs(t, s.SetDeadline(time.Time{}), net.ErrClosed)
}
