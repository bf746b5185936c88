//go:build !dsrudp_portable

package mmsg_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// sends are the ways to send a datagram.
var sends = map[string]func(s *mmsg.Socket) error{
	"Send": func(s *mmsg.Socket) error {
		_, err := s.Send(mmsg.NewMsg(), []byte("1"), nil, nil, 0)
		return err
	},
	"Batch": func(s *mmsg.Socket) error {
		n, err := oneOf(s).Send(0, 0)
		if n == 0 && err == nil {
			err = mmsg.ErrOutdated
		}
		return err
	},
}

// oneOf returns a Batch of one datagram to send.
func oneOf(s *mmsg.Socket) *mmsg.OutBatch {
	out := s.NewOutBatch(1, 0)
	out.Begin(nil, 0, nil)
	out.Append([]byte("1"))
	return out
}

// narrow is a pair of sockets between which there soon is no room: Unix ones, as UDP's
// buffer is not filled over loopback.
func narrow(t *testing.T) (from syscall.RawConn, to *net.UnixConn) {
	t.Helper()
	to, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { to.Close() })
	x, err := net.DialUnix("unixgram", nil, to.LocalAddr().(*net.UnixAddr))
	require.NoError(t, err)
	t.Cleanup(func() { x.Close() })
	from, err = x.SyscallConn()
	require.NoError(t, err)
	return from, to
}

// queued is a RawConn to write to, which has turn called before it is the caller's turn,
// and wait where there is no room.
type queued struct {
	syscall.RawConn
	turn, wait func()
}

func (q queued) Write(f func(fd uintptr) bool) error {
	q.turn()
	return (&waiter{RawConn: q.RawConn, wait: q.wait}).Read(f)
}

// TestHeed: a send gives up if what it was given may be right no longer, after waiting
// for another's send as for room; and else it does not.
func TestHeed(t *testing.T) {
	for name, send := range sends {
		for _, owned := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				raw, peer := narrow(t)
				var gen uint64
				changeInTurn, changeWaiting, waits := false, false, 0
				s := mmsg.SocketOf(queued{
					raw,
					func() {
						if changeInTurn {
							gen++
						}
					},
					func() {
						waits++
						_, err := peer.Read(make([]byte, 8))
						require.NoError(t, err)
						if changeWaiting {
							gen++
						}
					},
				})
				s.Heed(func() uint64 { return gen })
				if owned {
					require.NoError(t, s.Own())
				}
				for waits == 0 {
					require.NoError(t, send(s)) // the last one after a wait
				}
				changeWaiting = true
				require.ErrorIs(t, send(s), mmsg.ErrOutdated)
				require.Equal(t, 2, waits)
				require.NoError(t, send(s), "there is room now")
				changeWaiting, changeInTurn = false, true
				require.ErrorIs(t, send(s), mmsg.ErrOutdated)
				require.Equal(t, 2, waits, "it was not its turn yet")
			})
		}
	}
}

// TestTryRange: what is not to wait does not ask net, which has it wait for others.
func TestTryRange(t *testing.T) {
	for _, owned := range []bool{true, false} {
		raw, peer := narrow(t)
		s := mmsg.SocketOf(queued{raw, func() { t.Error("net was asked") }, nil})
		if owned {
			require.NoError(t, s.Own())
		}
		sent := 0
		for {
			n, err := oneOf(s).TryRange(0, 1, 0)
			if err != nil {
				require.True(t, mmsg.WouldBlock(err), err)
				require.Zero(t, n)
				break
			}
			require.Equal(t, 1, n)
			sent++
		}
		require.Positive(t, sent)
		for range sent {
			_, err := peer.Read(make([]byte, 8))
			require.NoError(t, err)
		}
	}
}
