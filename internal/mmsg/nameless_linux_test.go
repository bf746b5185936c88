//go:build !dsrudp_portable

package mmsg_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// nameless returns a Socket and two ways to write to it, by the second of which the
// datagram comes without a remote address, as one does that a BPF program redirects
// to a UDP socket (BPF_MAP_TYPE_SOCKMAP). It is not UDP's, and what the first gives
// for an address is not one.
func nameless(t *testing.T) (s *mmsg.Socket, named, unnamed func()) {
	t.Helper()
	autobind := &net.UnixAddr{Net: "unixgram"}
	c, err := net.ListenUnixgram("unixgram", autobind)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(5*time.Second)))
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	self := c.LocalAddr().(*net.UnixAddr)
	x, err := net.DialUnix("unixgram", nil, self)
	require.NoError(t, err)
	t.Cleanup(func() { x.Close() })
	return mmsg.SocketOf(raw), func() {
			_, err := c.WriteToUnix([]byte("1"), self)
			require.NoError(t, err)
		}, func() {
			_, err := x.Write([]byte("1"))
			require.NoError(t, err)
		}
}

// TestNoRemote: a datagram that comes without a remote address has none, and not
// that of the one received before.
func TestNoRemote(t *testing.T) {
	u, c := socket(t, "udp4", "127.0.0.1:0", false)
	s, _, unnamed := nameless(t)
	self := addrOf(c, "127.0.0.1")
	m := mmsg.NewMsg()
	for range 2 {
		sendAll(t, c, self, "1")
		r, err := recvOne(u, m, make([]byte, 8), nil)
		require.NoError(t, err)
		require.Equal(t, self, r.From)
		unnamed()
		r, err = recvOne(s, m, make([]byte, 8), nil)
		require.NoError(t, err)
		require.Equal(t, 1, r.N)
		require.Equal(t, netip.AddrPort{}, r.From)
		require.Zero(t, r.Scope)
	}
}

// TestBatchNoRemote: nor has it the same as the message before it, though the memory
// for it still holds that.
func TestBatchNoRemote(t *testing.T) {
	s, named, unnamed := nameless(t)
	in, _ := inbound(s, 2, 8)
	for round, has := range [][]bool{{false, false}, {true, true}, {true, false}, {false, true}, {false, false}, {true, true}} {
		for _, h := range has {
			if h {
				named()
			} else {
				unnamed()
			}
		}
		n, err := in.Recv(2, 0)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		for i, h := range has {
			require.Equal(t, h, received(in, i).From.IsValid(), round)
		}
		require.Equal(t, has[0] == has[1], in.SameRemote(1), round)
	}
}
