package batch_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/batch"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// noCheck has the kernel call segments invalid on a socket, as it is not to compute checksums.
func noCheck(t *testing.T, conn *net.UDPConn) {
	t.Helper()
	onFD(t, conn, func(fd uintptr) error { return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1) })
}

// bads are ways to have a datagram fail, by the guard or the kernel.
var bads = map[string]struct {
	vip   netip.Addr
	want  error
	spoil func(payload *[]byte, h *source.Header)
}{
	"foreign":      {vip, source.ErrNotLocal, func(_ *[]byte, h *source.Header) { h.Local.Addr = foreign }},
	"group":        {vip, source.ErrNotLocal, func(_ *[]byte, h *source.Header) { h.Local.Addr = netip.MustParseAddr("224.0.0.77") }},
	"foreign IPv6": {one6, source.ErrNotLocal, func(_ *[]byte, h *source.Header) { h.Local.Addr = netip.MustParseAddr("2001:db8::77") }},
	"too long":     {vip, syscall.EMSGSIZE, func(p *[]byte, _ *source.Header) { *p = make([]byte, 65508) }},
	"port 0":       {vip, syscall.EINVAL, func(_ *[]byte, h *source.Header) { h.Remote.AddrPort = netip.AddrPortFrom(one, 0) }},
}

// TestPromise7_Flush: one datagram's failure is its own, wherever it is and whatever it was
// given to the kernel with (K7.1, K7.3). All others leave, once.
func TestPromise7_Flush(t *testing.T) {
	const count = 100 // more than one call takes
	for name, bad := range bads {
		for _, unable := range []bool{false, true} { // to merge
			t.Run(fmt.Sprint(name, " ", unable), func(t *testing.T) {
				if bad.want == source.ErrNotLocal {
					needNetlink(t)
				}
				f := sender(t, "udp", ":0")
				if unable {
					require.NoError(t, f.source.Socket.Control(func(fd uintptr) error {
						return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)
					}))
				}
				x, toX := client(t, f, bad.vip)
				y, toY := client(t, f, other)
				for round := range 2 {
					var want [2][]string
					var wantFailed, failed []int
					for i := range count {
						payload, h := fmt.Appendf(nil, "%02d%s", i, strings.Repeat(".", i/10%2)), []source.Header{toX, toY}[i/5%2]
						if i == 0 || i%13 == 5+round || i/3 == 20 || i == count-1 {
							h = toX
							bad.spoil(&payload, &h)
							wantFailed = append(wantFailed, i)
						} else {
							want[i/5%2] = append(want[i/5%2], string(payload))
						}
						f.Add(i, payload, 0, &h)
					}
					sent, failures := f.Flush()
					require.Equal(t, count-len(wantFailed), sent.Datagrams)
					for _, e := range failures {
						require.ErrorIs(t, e.Err, bad.want)
						require.Equal(t, 1, e.Datagrams)
						h := toX
						bad.spoil(new([]byte), &h)
						require.Equal(t, h, e.Header)
						failed = append(failed, e.Number)
					}
					require.ElementsMatch(t, wantFailed, failed)
					requireRead(t, x, want[0]...)
					requireRead(t, y, want[1]...)
				}
			})
		}
	}
}

// TestK6_4_BadSource: a source that is not local is the failure of each datagram, counted as
// those that they are on the wire, and no reason to give up merging.
func TestK6_4_BadSource(t *testing.T) {
	needNetlink(t)
	for _, name := range []string{"foreign", "group", "foreign IPv6"} {
		bad := bads[name]
		f := sender(t, "udp", ":0")
		x, h := joined(t, f, bad.vip)
		spoilt := h
		bad.spoil(nil, &spoilt)
		for _, n := range []int{5, 100, 300} { // the second shows an older kernel, if anything; the third is three messages
			f.Add(7, []byte(bytesOf(0, 10*n-1)), 10, &spoilt)
			for i := range 3 {
				f.Add(i, []byte("0123456789"), 0, &spoilt)
			}
			sent, failures := f.Flush()
			require.Zero(t, sent)
			require.Len(t, failures, 4)
			for i, want := range []batch.Failure{{Number: 7, Datagrams: n}, {Number: 0, Datagrams: 1}, {Number: 1, Datagrams: 1}, {Number: 2, Datagrams: 1}} {
				require.ErrorIs(t, failures[i].Err, source.ErrNotLocal)
				want.Header, failures[i].Err = spoilt, nil
				require.Equal(t, want, failures[i])
			}
		}
		require.Zero(t, f.offload.Fallbacks.Load())
		f.add(h, strings.Split("abcdefgh", "")...)
		f.flush(t)
		requireMessages(t, x, message{"abcdefgh", 1})
	}
}

// TestK6_4_Invalid: a kernel that calls segments invalid gets the datagrams one by one, from
// the same source, and is asked again only for fewer.
func TestK6_4_Invalid(t *testing.T) {
	for _, network := range []string{"udp4", "udp"} {
		conn, err := net.ListenUDP(network, nil)
		require.NoError(t, err)
		noCheck(t, conn)
		f := senderOf(t, conn, network)
		x, h := joined(t, f, other)
		for _, tc := range []struct {
			count     int
			segments  bool // added as one
			fallbacks uint64
		}{{100, false, 1}, {10, false, 2}, {10, false, 2}, {10, true, 2}, {100, false, 2}} { // as if it were an older kernel first, with a limit of 64
			payload := bytesOf(0, 10*tc.count)
			var want []message
			for i := range tc.count {
				want = append(want, message{payload[10*i:][:10], 0})
				if !tc.segments {
					f.Add(i, []byte(want[i].payload), 0, &h)
				}
			}
			if tc.segments {
				f.Add(0, []byte(payload), 10, &h)
			}
			f.added = tc.count
			f.flush(t)
			requireMessages(t, x, want...)
			require.Equal(t, tc.fallbacks, f.offload.Fallbacks.Load())
		}
	}
}

// refused returns a Sender of a socket whose peer's port was closed when it sent there, which
// the kernel reports to whoever sends next, and the peer, which does listen now.
func refused(t *testing.T) (*fixture, *net.UDPConn, source.Header) {
	t.Helper()
	peer, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(vip, 0)))
	require.NoError(t, err)
	addr := peer.LocalAddr().(*net.UDPAddr)
	conn, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(other, 0)), addr)
	require.NoError(t, err)
	require.NoError(t, peer.Close())
	_, err = conn.Write([]byte("to nobody"))
	require.NoError(t, err)
	onFD(t, conn, func(fd uintptr) error {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd)}}, int(patience.Milliseconds()))
		require.Equal(t, 1, n, "nothing was refused")
		return err
	})
	peer, err = net.ListenUDP("udp4", addr)
	require.NoError(t, err)
	t.Cleanup(func() { peer.Close() })
	require.NoError(t, peer.SetDeadline(time.Now().Add(patience)))
	setGRO(t, peer)
	f := senderOf(t, conn, "udp4")
	var h source.Header
	require.NoError(t, f.source.ByPeer(&h))
	return f, peer, h
}

// TestRefused: that nobody listened to an earlier datagram is one datagram's error, as with
// net, and not that of all which were to leave with it; and no reason to give up merging.
func TestRefused(t *testing.T) {
	for _, segments := range []bool{false, true} {
		f, x, h := refused(t)
		payload := bytesOf(0, 50)
		add := func() {
			if segments {
				f.Add(0, []byte(payload), 10, &h)
				return
			}
			for i := range 5 {
				f.Add(i, []byte(payload[10*i:][:10]), 0, &h)
			}
		}
		add()
		sent, failures := f.Flush()
		require.Equal(t, batch.Sent{Datagrams: 4, Bytes: 40}, sent)
		require.Len(t, failures, 1)
		require.ErrorIs(t, failures[0].Err, syscall.ECONNREFUSED)
		failures[0].Err = nil
		require.Equal(t, batch.Failure{Number: 0, Datagrams: 1, Header: h}, failures[0])
		requireMessages(t, x, singles(payload[10:20], payload[20:30], payload[30:40], payload[40:])...)
		require.Zero(t, f.offload.Fallbacks.Load())
		add()
		f.added = 5
		f.flush(t)
		requireMessages(t, x, message{payload, 10})
	}
	f, x, h := refused(t)
	for range 2 {
		f.AddPlain([][]byte{[]byte("1")}, nil, &h)
		f.AddPlain([][]byte{[]byte("2")}, nil, &h)
		n, err := f.FlushInOrder(0)
		if err != nil {
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			require.Zero(t, n)
			continue
		}
		require.Equal(t, 2, n)
	}
	requireMessages(t, x, singles("1", "2")...)
}

// narrow returns a Sender whose send buffer has room for a few datagrams, and what receives
// them. A pair of Unix sockets stands in for a UDP one, as a UDP socket's send buffer does not
// fill over loopback. The poller of net does not know it: waits are those of poll(2), or end by
// the deadline.
func narrow(t *testing.T) (f *fixture, h source.Header, receive func(n int) []string) {
	t.Helper()
	conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
	require.NoError(t, err)
	f = senderOf(t, conn, "udp4")
	require.NoError(t, f.source.ByPeer(&h))
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1)) // the least there is
	onFD(t, conn, func(fd uintptr) error { return unix.Dup3(fds[0], int(fd), unix.O_CLOEXEC) })
	require.NoError(t, unix.Close(fds[0]))
	require.NoError(t, unix.SetNonblock(fds[1], true))
	end := os.NewFile(uintptr(fds[1]), "")
	t.Cleanup(func() { end.Close() })
	require.NoError(t, end.SetDeadline(time.Now().Add(patience)))
	return f, h, func(n int) (got []string) {
		b := make([]byte, 1<<12)
		for range n {
			k, err := end.Read(b)
			require.NoError(t, err)
			got = append(got, string(b[:k]))
		}
		return got
	}
}

// words returns payloads that are not merged.
func words(n int) (all []string) {
	for i := range n {
		all = append(all, strings.Repeat(".", i))
	}
	return all[1:]
}

// flushing flushes in another goroutine and returns when that waits for room.
func flushing(t *testing.T, f *fixture) (flushed chan []batch.Failure) {
	t.Helper()
	flushed = make(chan []batch.Failure, 1)
	go func() {
		_, failures := f.Flush()
		flushed <- failures
	}()
	stacks := make([]byte, 1<<20)
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		if strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "mmsg.(*Socket).WaitRoom(") {
			return flushed
		}
		require.True(t, time.Now().Before(end), "it does not wait for room")
	}
}

func await[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(2 * patience):
		t.Fatal("it still waits")
	}
	return v
}

// TestPromise7_Patience: a Sender with Patience waits for room once, then tries each message
// once, until one leaves; and from then on it waits again.
func TestPromise7_Patience(t *testing.T) {
	f, h, receive := narrow(t)
	f.Patience = time.Millisecond
	all := words(20)
	f.add(h, all...)
	left, failures := f.Flush()
	sent := left.Datagrams
	require.Greater(t, sent, 0)
	require.Less(t, sent, len(all))
	require.Len(t, failures, len(all)-sent)
	for i, e := range failures {
		require.Equal(t, mmsg.ErrWouldBlock, e.Err)
		require.Equal(t, sent+i, e.Number)
	}

	// With the patience of an hour a wait would not end.
	f.Patience = time.Hour
	tried := make(chan []batch.Failure, 1)
	f.added = 0
	f.add(h, all...)
	go func() {
		_, failures := f.Flush()
		tried <- failures
	}()
	require.Len(t, await(t, tried), len(all))

	require.Equal(t, all[:sent], receive(sent))
	f.added = 0
	f.add(h, all...)
	flushed := flushing(t, f)
	require.Equal(t, all, receive(len(all)))
	require.Empty(t, await(t, flushed))

	// Once spent it is until Flush returns, also where some leave.
	f.Spend()
	f.added = 0
	f.add(h, all...)
	go func() {
		_, failures := f.Flush()
		tried <- failures
	}()
	require.Len(t, await(t, tried), len(all)-sent)
	require.Equal(t, all[:sent], receive(sent))
	f.added = 0
	f.add(h, all...)
	flushed = flushing(t, f)
	require.Equal(t, all, receive(len(all)))
	require.Empty(t, await(t, flushed))
}

// TestPromise9_Deadline: without Patience the wait ends by the write deadline. With it the
// deadline that has passed keeps nothing from leaving: a Server's last replies leave after it.
func TestPromise9_Deadline(t *testing.T) {
	f, h, receive := narrow(t)
	all := words(20)
	f.add(h, all...)
	flushed := flushing(t, f)
	require.NoError(t, f.source.Socket.SetWriteDeadline(time.Unix(1, 0)))
	failures := await(t, flushed)
	require.NotEmpty(t, failures)
	for _, e := range failures {
		require.ErrorIs(t, e.Err, os.ErrDeadlineExceeded)
	}
	sent := len(all) - len(failures)
	require.Equal(t, all[:sent], receive(sent))
	f.AddPlain([][]byte{[]byte("1")}, nil, &h)
	_, err := f.FlushInOrder(0)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)

	f.Patience = time.Hour
	f.added = 0
	f.add(h, "1", "22")
	f.flush(t)
	require.Equal(t, []string{"1", "22"}, receive(2))
}

// TestFlushInOrderFlags: with MSG_DONTWAIT it does not wait, and with others it does.
func TestFlushInOrderFlags(t *testing.T) {
	f, h, receive := narrow(t)
	all := words(20)
	for _, s := range all {
		f.AddPlain([][]byte{[]byte(s)}, nil, &h)
	}
	n, err := f.FlushInOrder(unix.MSG_DONTWAIT)
	require.Equal(t, mmsg.ErrWouldBlock, err)
	require.Equal(t, all[:n], receive(n))
	for _, s := range all {
		f.AddPlain([][]byte{[]byte(s)}, nil, &h)
	}
	f.Patience = time.Millisecond // a wait that ends
	n, err = f.FlushInOrder(unix.MSG_NOSIGNAL)
	require.Equal(t, mmsg.ErrWouldBlock, err)
	require.True(t, f.Stalled(), "it waited")
	require.Equal(t, all[:n], receive(n))
}

// TestPromise7_SinglyWaits: datagrams that the kernel refused as one wait for room one by one.
func TestPromise7_SinglyWaits(t *testing.T) {
	f, h, receive := narrow(t)
	f.Patience = time.Hour
	all := slices.Repeat([]string{strings.Repeat(".", 3000)}, 10) // two are more than the buffer
	f.add(h, all...)
	flushed := flushing(t, f)
	require.Equal(t, all, receive(len(all)))
	require.Empty(t, await(t, flushed))
}
