//go:build !dsrudp_portable

package mmsg_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// A heeding is a send that is given for a generation, and returns how many datagrams it sent.
type heeding func(gen uint64) (int, error)

var heedings = map[string]func(s *mmsg.Socket) heeding{
	"Send": func(s *mmsg.Socket) heeding {
		m := mmsg.NewMsg()
		return func(gen uint64) (int, error) {
			m.Gen = gen
			return s.Send(m, []byte("1"), nil, nil, 0)
		}
	},
	"OutBatch": func(s *mmsg.Socket) heeding {
		out := twoOf(s)
		return func(gen uint64) (int, error) {
			out.Gen = gen
			n, err := out.Send(0, 0)
			if n == 0 && err == nil {
				err = mmsg.ErrOutdated
			}
			return n, err
		}
	},
}

// twoOf returns an OutBatch of two datagrams.
func twoOf(s *mmsg.Socket) *mmsg.OutBatch {
	out := s.NewOutBatch(2, 0)
	for range 2 {
		out.Begin(nil, 0, nil)
		out.Append([]byte("1"))
	}
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

// arrived returns how many datagrams there are.
func arrived(t *testing.T, c *net.UnixConn) (n int) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		for {
			if _, _, err := syscall.Recvfrom(int(fd), make([]byte, 8), syscall.MSG_DONTWAIT); err != nil {
				require.ErrorIs(t, err, syscall.EAGAIN)
				return
			}
			n++
		}
	}))
	return n
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
// for another's send as for room; and else it does not. What it says it sent has been,
// and nothing else.
func TestHeed(t *testing.T) {
	for name, heeding := range heedings {
		for _, owned := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				raw, peer := narrow(t)
				gen := uint64(1)
				inTurn, waiting, waits := false, false, 0
				sent, got := 0, 0
				s := mmsg.SocketOf(queued{
					raw,
					func() {
						if inTurn {
							gen++
						}
					},
					func() {
						waits++
						_, err := peer.Read(make([]byte, 8))
						require.NoError(t, err)
						got++
						if waiting {
							gen++
						}
					},
				})
				s.Heed(func() uint64 { return gen })
				if owned {
					require.NoError(t, s.Own())
				}
				send := heeding(s)
				try := func(gen uint64) error {
					n, err := send(gen)
					sent += n
					return err
				}
				fill := func(until error) {
					t.Helper()
					before := waits
					for waits == before {
						err := try(gen)
						if waits > before && until != nil {
							require.ErrorIs(t, err, until)
						} else {
							require.NoError(t, err)
						}
					}
				}
				fill(nil)
				waiting = true
				fill(mmsg.ErrOutdated)
				waiting = false
				require.NoError(t, try(gen), "there is room now")
				before := waits
				inTurn = true
				require.ErrorIs(t, try(gen), mmsg.ErrOutdated)
				inTurn = false
				require.ErrorIs(t, try(gen-1), mmsg.ErrOutdated, "it changed before")
				require.Equal(t, before, waits, "it was not its turn yet")
				fill(nil)
				require.Equal(t, sent, got+arrived(t, peer))
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
			n, err := twoOf(s).TryRange(0, 2)
			sent += n
			if err != nil {
				require.True(t, mmsg.WouldBlock(err), err)
				break
			}
			require.Positive(t, n)
		}
		require.Positive(t, sent)
		require.Equal(t, sent, arrived(t, peer))
	}
}
