//go:build !dsrudp_portable

package mmsg_test

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// tooLong is what the kernel refuses with EMSGSIZE.
var tooLong = make([]byte, 65508)

// build begins a message for each payload.
func build(t *testing.T, out *mmsg.OutBatch, to netip.AddrPort, payloads ...[]byte) {
	t.Helper()
	for _, p := range payloads {
		out.Begin(&to, 0, nil)
		require.True(t, out.Append(p))
	}
}

// requireQueued requires that the socket has just these datagrams.
func requireQueued(t *testing.T, s *mmsg.Socket, want ...string) {
	t.Helper()
	in, buffers := inbound(s, 32, 2048)
	n, err := in.Poll(32)
	require.NoError(t, err)
	got := []string{}
	for i := range n {
		got = append(got, string(buffers[i][:received(in, i).N]))
	}
	require.Equal(t, want, got)
}

// TestBatchPartialSend (K7.1, K7.3): a bad message ends the call before it with
// the number of those sent, and the error comes when it is the first, with nothing
// sent; that is so wherever it is, and what follows can be sent.
func TestBatchPartialSend(t *testing.T) {
	const count = 5
	for _, plain := range []bool{false, true} {
		for bad := range count {
			x, _ := socket(t, "udp4", "127.0.0.1:0", false)
			y, yc := socket(t, "udp4", "127.0.0.1:0", false)
			if plain {
				x.Plain()
				y.Plain()
			}
			out := x.NewOutBatch(count, 0)
			var want []string
			for i := range count {
				p := []byte(strconv.Itoa(i))
				if i == bad {
					p = tooLong
				} else {
					want = append(want, string(p))
				}
				build(t, out, addrOf(yc, "127.0.0.1"), p)
			}
			if bad > 0 {
				n, err := out.Send(0, 0)
				require.NoError(t, err)
				require.Equal(t, bad, n)
			}
			n, err := out.Send(bad, 0)
			require.ErrorIs(t, err, unix.EMSGSIZE)
			require.NotErrorAs(t, err, new(*net.OpError))
			var call *os.SyscallError
			require.ErrorAs(t, err, &call)
			require.Equal(t, "sendmmsg", call.Syscall)
			require.Zero(t, n)
			if bad < count-1 {
				n, err = out.Send(bad+1, 0)
				require.NoError(t, err)
				require.Equal(t, count-1-bad, n)
			}
			requireQueued(t, y, want...)
		}
	}
}

// TestBatchControl: each message has its own control messages, or none although
// the one in its place before had some.
func TestBatchControl(t *testing.T) {
	x, _ := socket(t, "udp4", ":0", false)
	y, yc := socket(t, "udp4", "127.0.0.1:0", false)
	out := x.NewOutBatch(2, unix.CmsgSpace(12))
	in, _ := inbound(y, 2, 8)
	for _, sources := range [][2]byte{{2, 3}, {0, 2}, {3, 0}, {0, 0}} {
		for _, last := range sources {
			oob := out.ControlRoom()
			require.Empty(t, oob)
			require.Equal(t, unix.CmsgSpace(12), cap(oob))
			if last != 0 {
				oob = append(oob, unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{127, 0, 0, last}})...)
			}
			out.Begin(new(addrOf(yc, "127.0.0.1")), 0, oob)
			require.True(t, out.Append([]byte("1")))
		}
		n, err := out.Send(0, 0)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		out.Reset()
		n, err = in.Recv(2, 0)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		for i, last := range sources {
			require.Equal(t, netip.AddrFrom4([4]byte{127, 0, 0, max(last, 1)}), received(in, i).From.Addr())
		}
	}
}

// TestBatchControls: control messages grow where there is room for them, and where
// there is none elsewhere, from where they are sent too.
func TestBatchControls(t *testing.T) {
	x, _ := socket(t, "udp4", ":0", false)
	y, yc := socket(t, "udp4", "127.0.0.1:0", false)
	sources := [][]byte{
		unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{127, 0, 0, 2}}),
		unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{127, 0, 0, 3}}),
	}
	tos := pktinfo.AppendClass(nil, true, 1)
	in, _ := inbound(y, 1, 8)
	n := len(sources[0])
	for _, room := range []int{0, n, n + len(tos)} {
		out := x.NewOutBatch(1, room)
		for i, source := range sources {
			space := out.ControlRoom()
			out.Begin(new(addrOf(yc, "127.0.0.1")), 0, append(space, source...))
			require.Equal(t, source, out.Controls(out.Len()-1))
			out.Control(out.Len()-1, append(out.Controls(out.Len()-1), tos...))
			require.Equal(t, slices.Concat(source, tos), out.Controls(out.Len()-1))
			if room >= n+len(tos) {
				require.Same(t, &space[:1][0], &out.Controls(out.Len() - 1)[0])
			}
			require.True(t, out.Append([]byte("1")))
			_, err := out.Send(0, 0)
			require.NoError(t, err)
			out.Reset()
			_, err = in.Recv(1, 0)
			require.NoError(t, err)
			require.Equal(t, netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + i)}), received(in, 0).From.Addr())
		}
	}
}

// TestBatchConnected: without a remote address a message goes to the peer.
func TestBatchConnected(t *testing.T) {
	y, yc := socket(t, "udp4", "127.0.0.1:0", false)
	x, err := mmsg.NewSocket(dialed(t, addrOf(yc, "127.0.0.1")), false)
	require.NoError(t, err)
	out := x.NewOutBatch(2, 0)
	build(t, out, netip.MustParseAddrPort("127.0.0.1:9"), []byte("elsewhere"), []byte("elsewhere"))
	out.Reset()
	for _, p := range []string{"1", "2"} {
		out.Begin(nil, 0, nil)
		require.True(t, out.Append([]byte(p)))
	}
	n, err := out.Send(0, 0)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	requireQueued(t, y, "1", "2")
}

// TestBatchErrors: errors are the ones below *net.OpError, and say what net's do.
func TestBatchErrors(t *testing.T) {
	x, xc := socket(t, "udp4", "127.0.0.1:0", false)
	out, in := x.NewOutBatch(2, 0), x.NewInBatch(2, 0)
	build(t, out, addrOf(xc, "127.0.0.1"), []byte("1"), []byte("2"))
	n, err := in.Recv(2, unix.MSG_DONTWAIT)
	require.ErrorIs(t, err, syscall.EAGAIN)
	require.Zero(t, n)

	require.NoError(t, xc.SetDeadline(time.Unix(1, 0)))
	_, err = in.Recv(2, 0)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NotErrorAs(t, err, new(*net.OpError))
	require.ErrorIs(t, in.Loop(func(int) bool { return true }), os.ErrDeadlineExceeded)
	_, err = out.Send(0, 0)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	n, err = in.Poll(2) // which does not wait
	require.NoError(t, err)
	require.Zero(t, n)

	require.NoError(t, xc.Close())
	_, err = in.Recv(2, 0)
	require.ErrorIs(t, err, net.ErrClosed)
	require.NotErrorAs(t, err, new(*net.OpError))
	_, err = in.Poll(2)
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, in.Loop(func(int) bool { return true }), net.ErrClosed)
	_, err = out.Send(0, 0)
	require.ErrorIs(t, err, net.ErrClosed)
}
