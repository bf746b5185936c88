//go:build !dsrudp_portable

package mmsg_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// option sets a socket option.
func option(t *testing.T, c *net.UDPConn, level, name, value int) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, name, value) }))
	require.NoError(t, err)
}

// dual returns a dual-stack Socket that receives one control message with IPv6 datagrams
// and two with IPv4's.
func dual(t *testing.T) (*mmsg.Socket, *net.UDPConn) {
	t.Helper()
	s, c := socket(t, "udp", "[::]:0")
	option(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	option(t, c, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	return s, c
}

// payloads returns those of the n messages of a receive.
func payloads(in *mmsg.In, buffers [][]byte, n int) []string {
	var got []string
	for i := range n {
		got = append(got, string(buffers[i][:message(in, i).N]))
	}
	return got
}

// TestIn: a call takes what is there, its limit and its memory have room for, in order,
// and the rest is for the next.
func TestIn(t *testing.T) {
	s, self := local(t)
	in, buffers := inbound(s, 4, 8)
	send(t, s, self, "0", "", "too long for it", "12345678", "4", "5")
	want := [][]string{{"0", "", "too long", "12345678"}, {"4"}, {"5"}}
	for i, limit := range []int{4, 1, 4} {
		n, err := in.Recv(limit, 0)
		require.NoError(t, err)
		require.Equal(t, want[i], payloads(in, buffers, n))
		for j, p := range want[i] {
			require.Equal(t, p == "too long", message(in, j).Flags&mmsg.FlagTrunc != 0)
		}
	}
	n, err := in.Recv(4, unix.MSG_DONTWAIT)
	require.ErrorIs(t, err, syscall.EAGAIN)
	require.Zero(t, n)
}

// TestK7_2_Rearm: the kernel puts lengths where it finds sizes. A longer control message
// after a shorter one, in the same place, still has room, the address is that of this
// datagram, and so are the flags. What has no room is cut off and marked, each time anew.
func TestK7_2_Rearm(t *testing.T) {
	s, c := dual(t)
	x4, xc4 := dialed(t, addrOf(c, "127.0.0.1"))
	x6, xc6 := dialed(t, addrOf(c, "::1"))
	in, buffers := inbound(s, 2, 8)
	m := mmsg.NewMsg()
	rounds := []bool{false, true, false, true, true} // IPv4?
	sendRound := func(v4 bool) {
		if v4 {
			send(t, x4, nil, "longer than 8", "short")
		} else {
			send(t, x6, nil, "short", "longer than 8")
		}
	}
	requireReceived := func(v4 bool, i int, b []byte, r mmsg.Received) {
		t.Helper()
		from, sizes := addrOf(xc6, "::1"), []int{unix.SizeofInet6Pktinfo}
		if v4 {
			from, sizes = addrOf(xc4, "127.0.0.1"), append(sizes, unix.SizeofInet4Pktinfo)
		}
		long := v4 == (i == 0)
		require.Equal(t, long, string(b[:r.N]) == "longer t")
		require.Equal(t, long, r.Flags&mmsg.FlagTrunc != 0)
		require.Zero(t, r.Flags&mmsg.FlagCtrunc)
		require.Equal(t, *from, r.From)
		cs, err := unix.ParseSocketControlMessage(r.Control)
		require.NoError(t, err)
		require.Len(t, cs, len(sizes))
		for i, c := range cs {
			require.Len(t, c.Data, sizes[i])
		}
	}
	requireBatch := func(v4 bool, n int) {
		t.Helper()
		require.Equal(t, 2, n)
		for i := range n {
			requireReceived(v4, i, buffers[i], message(in, i))
		}
	}
	for _, receive := range []func() (int, error){func() (int, error) { return in.Recv(2, 0) }, in.Poll} {
		for _, v4 := range rounds {
			sendRound(v4)
			n, err := receive()
			require.NoError(t, err)
			requireBatch(v4, n)
		}
	}
	round := 0
	sendRound(rounds[0])
	require.NoError(t, in.Loop(func(n int) bool {
		requireBatch(rounds[round], n)
		if round++; round == len(rounds) {
			return false
		}
		sendRound(rounds[round])
		return true
	}))
	small := s.NewIn(1, 44) // for the first of IPv4's two
	for _, v4 := range rounds {
		sendRound(v4)
		for i := range 2 {
			b := make([]byte, 8)
			r, err := recv(s, m, b, m.Room[:])
			require.NoError(t, err)
			requireReceived(v4, i, b, r)
		}
		sendRound(v4)
		r, err := recv(s, m, nil, m.Room[:44])
		require.NoError(t, err)
		require.Equal(t, v4, r.Flags&mmsg.FlagCtrunc != 0)
		_, err = small.Recv(1, 0)
		require.NoError(t, err)
		require.Equal(t, v4, message(small, 0).Flags&mmsg.FlagCtrunc != 0)
	}
}

// TestNoAddress: a datagram that comes without an address has none, and not that of the
// one received before. (A BPF program can redirect one so, with BPF_MAP_TYPE_SOCKMAP.)
func TestNoAddress(t *testing.T) {
	u, self := local(t)
	raw, _, peer := narrow(t)
	_, err := peer.Write([]byte("12"))
	require.NoError(t, err)
	_, err = peer.Write([]byte("3"))
	require.NoError(t, err)
	s, m := mmsg.SocketOf(raw, false), mmsg.NewMsg()
	send(t, u, self, "1")
	r, err := recv(u, m, make([]byte, 8), nil)
	require.NoError(t, err)
	require.Equal(t, *self, r.From)
	r, err = recv(s, m, make([]byte, 8), nil)
	require.NoError(t, err)
	require.Equal(t, 2, r.N)
	require.Equal(t, mmsg.Addr{}, r.From)
	in, _ := inbound(s, 2, 8)
	n, err := in.Poll()
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, mmsg.Addr{}, message(in, 0).From)
}

// A hooked RawConn counts its reads, and calls wait, if it is set, where the poller would
// wait.
type hooked struct {
	syscall.RawConn
	reads int
	wait  func()
}

func (h *hooked) Read(f func(fd uintptr) bool) error {
	h.reads++
	if h.wait == nil {
		return h.RawConn.Read(f)
	}
	return h.Control(func(fd uintptr) {
		for !f(fd) {
			h.wait()
		}
	})
}

// hook returns a Socket with a hooked RawConn, and one that is connected to it.
func hook(t *testing.T) (*mmsg.Socket, *hooked, *mmsg.Socket) {
	t.Helper()
	_, c := socket(t, "udp4", "127.0.0.1:0")
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	h := &hooked{RawConn: raw}
	x, _ := dialed(t, addrOf(c, "127.0.0.1"))
	return mmsg.SocketOf(h, false), h, x
}

// TestInLone: a Recv is to take one datagram alone if the last one had to wait for one that
// came alone, and else all that have come.
func TestInLone(t *testing.T) {
	s, h, x := hook(t)
	in, buffers := inbound(s, 4, 8)
	for _, tc := range []struct {
		before, while []string // it waits: what comes
		want          string
	}{
		{[]string{"1"}, nil, "[1]"},
		{nil, []string{"2", "3"}, "[2 3]"},
		{nil, []string{"4"}, "[4]"},
		{nil, []string{"5", "6", "7"}, "[5]"}, // alone, as far as it knows
		{nil, nil, "[6]"},
		{nil, nil, "[7]"},                  // the one before did not wait
		{nil, []string{"8", "9"}, "[8 9]"}, // not so the last time
		{nil, []string{"a"}, "[a]"},
		{nil, []string{"b"}, "[b]"},
	} {
		send(t, x, nil, tc.before...)
		waited := false
		h.wait = func() {
			require.False(t, waited, "for what is there")
			waited = true
			send(t, x, nil, tc.while...)
		}
		n, err := in.Recv(in.Want(4), 0)
		require.NoError(t, err)
		require.Equal(t, tc.want, fmt.Sprint(payloads(in, buffers, n)))
		require.Equal(t, len(tc.while) > 0, waited)
	}
	_, err := in.Recv(4, unix.MSG_DONTWAIT)
	require.ErrorIs(t, err, syscall.EAGAIN)
	h.wait = func() { send(t, x, nil, "c", "d") } // and nothing was there meanwhile
	n, err := in.Recv(4, 0)
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

// TestInWant: a Recv is to take about as many as have been coming.
func TestInWant(t *testing.T) {
	s, _, x := hook(t)
	in, _ := inbound(s, mmsg.MaxIn, 8)
	require.Equal(t, mmsg.MaxIn, in.Want(100))
	for _, tc := range []struct{ come, want int }{{1, 8}, {8, 16}, {3, 8}, {31, 62}, {40, 64}, {64, 64}} {
		for range tc.come {
			send(t, x, nil, "x")
		}
		n, err := in.Recv(mmsg.MaxIn, 0)
		require.NoError(t, err)
		require.Equal(t, tc.come, n)
		require.Equal(t, tc.want, in.Want(100))
		require.Equal(t, 5, in.Want(5))
	}
}

// TestLoopCalls: after a batch that is not full a Loop waits without another system call,
// inside one read of the poller.
func TestLoopCalls(t *testing.T) {
	s, h, x := hook(t)
	in, buffers := inbound(s, 2, 8)
	in.SetBusy(time.Hour, -time.Hour)
	h.wait = func() { send(t, x, nil, "3") }
	send(t, x, nil, "1")
	var got []string
	batches := 0
	require.NoError(t, in.Loop(func(n int) bool {
		batches++
		got = append(got, payloads(in, buffers, n)...)
		if len(got) == 1 {
			send(t, x, nil, "2") // which a receive that is not necessary would take alone
		}
		return len(got) < 3
	}))
	require.Equal(t, []string{"1", "2", "3"}, got)
	require.Equal(t, 2, batches)
	require.Equal(t, 1, h.reads)
}

// TestPromise11_LoopYields: a Loop that is busy, by full batches or because it hardly
// waited, yields by time, and then lets the poller look at the deadline.
func TestPromise11_LoopYields(t *testing.T) {
	const never, longAgo = -time.Hour, time.Hour
	for name, tc := range map[string]struct {
		waited, yielded time.Duration // ago
		queued          int           // with room for two in a batch
		first, second   bool          // whether it yields before the first batch and the second
	}{
		"waited":        {longAgo, longAgo, 1, false, false},
		"hardly waited": {never, longAgo, 1, true, false},
		"yielded":       {never, never, 4, false, false},
		"full":          {longAgo, longAgo, 4, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, h, x := hook(t)
			in, _ := inbound(s, 2, 8)
			in.SetBusy(tc.waited, tc.yielded)
			for range tc.queued {
				send(t, x, nil, "1")
			}
			batches, reads := 0, 1
			yields := func(want bool) {
				require.Equal(t, want, h.reads > reads)
				reads = h.reads
			}
			require.NoError(t, in.Loop(func(n int) bool {
				if batches++; batches == 1 {
					yields(tc.first)
					return tc.queued > n
				}
				yields(tc.second)
				return false
			}))
		})
	}

	s, self := local(t)
	in, _ := inbound(s, 1, 8)
	send(t, s, self, "1")
	giveUp := time.Now().Add(5 * time.Second)
	require.ErrorIs(t, in.Loop(func(int) bool {
		require.NoError(t, s.SetReadDeadline(past))
		send(t, s, self, "1") // it never waits
		return time.Now().Before(giveUp)
	}), os.ErrDeadlineExceeded)
}

// TestPromise11_LoopSchedules: where a Loop yields other goroutines run.
func TestPromise11_LoopSchedules(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s, self := local(t)
	in, _ := inbound(s, 1, 8)
	send(t, s, self, "1", "2", "3", "4", "5")
	var ran atomic.Bool
	go ran.Store(true)
	require.NoError(t, in.Loop(func(int) bool {
		in.SetBusy(time.Hour, time.Hour)
		return !ran.Load()
	}))
}
