package batch_test

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/batch"
	"github.com/dsrudp/go-dsrudp/internal/localroute"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// patience bounds every wait for an event: it is reached only when a test fails.
const patience = 5 * time.Second

var (
	vip, one = netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")
	foreign  = netip.MustParseAddr("198.51.100.77")
)

// A fixture is a Sender and what it stands on.
type fixture struct {
	*batch.Sender
	source  *source.Selector
	offload batch.Offload
	added   int
}

// sender returns a Sender of a new socket, as dsrudp makes it.
func sender(t *testing.T, network, address string) *fixture {
	t.Helper()
	pc, err := net.ListenPacket(network, address)
	require.NoError(t, err)
	return senderOf(t, pc.(*net.UDPConn), network)
}

func senderOf(t *testing.T, conn *net.UDPConn, network string) *fixture {
	t.Helper()
	c := source.Config{Bound: conn.LocalAddr().(*net.UDPAddr), Connected: conn.RemoteAddr() != nil}
	if c.Connected {
		c.Peer = conn.RemoteAddr().(*net.UDPAddr).AddrPort()
	}
	var err error
	c.Socket, err = mmsg.NewSocket(conn, network != "udp4", c.Connected, false)
	require.NoError(t, err)
	t.Cleanup(func() { c.Socket.Close() })
	require.NoError(t, c.Socket.SetWriteDeadline(time.Now().Add(patience)))
	f := new(fixture)
	require.NoError(t, c.Socket.Control(func(fd uintptr) (err error) {
		if c.Family, err = pktinfo.FamilyOf(fd); err == nil {
			c.Guard, _ = localroute.Open(fd) // there is none where netlink is not to be had
		}
		if c.Guard6 = c.Guard != nil && c.Family != pktinfo.IPv4; c.Guard6 && err == nil {
			err = mmsg.SetFreeBind(fd) // from now on the kernel lets any IPv6 source out
		}
		if mmsg.Segments(fd) {
			f.offload.Start()
		}
		return err
	}))
	if c.Guard != nil {
		t.Cleanup(func() { c.Guard.Close() })
	}
	f.source = source.New(c)
	f.Sender = batch.NewSender(c.Socket, f.source, &f.offload)
	return f
}

// needNetlink skips the test where netlink is denied. Package net asks over it, too.
func needNetlink(t *testing.T) {
	t.Helper()
	if _, err := net.Interfaces(); err != nil {
		t.Skipf("netlink is denied: %v", err)
	}
}

// client dials a VIP at f's port, and returns with what Header an answer leaves.
func client(t *testing.T, f *fixture, vip netip.Addr) (*net.UDPConn, source.Header) {
	t.Helper()
	if runtime.GOOS != "linux" && vip.Is4() && vip != one {
		t.Skipf("%s has one loopback address by default, and %v is another", runtime.GOOS, vip)
	}
	x, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(vip, f.source.Port())))
	require.NoError(t, err)
	t.Cleanup(func() { x.Close() })
	require.NoError(t, x.SetDeadline(time.Now().Add(patience)))
	remote := x.LocalAddr().(*net.UDPAddr).AddrPort()
	return x, source.Header{Local: source.Local{Addr: vip}, Remote: mmsg.Addr{AddrPort: netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())}}
}

// add adds single datagrams, which are numbered from 0 for each Flush.
func (f *fixture) add(h source.Header, payloads ...string) {
	for _, p := range payloads {
		f.Add(f.added, []byte(p), 0, &h)
		f.added++
	}
}

// flush sends, and requires that nothing fails.
func (f *fixture) flush(t *testing.T) {
	t.Helper()
	sent, failures := f.Flush()
	require.Empty(t, failures)
	require.Equal(t, f.added, sent.Datagrams)
	f.added = 0
}

// requireRead requires that these come next.
func requireRead(t *testing.T, x *net.UDPConn, want ...string) {
	t.Helper()
	b := make([]byte, 1<<16)
	for _, s := range want {
		n, err := x.Read(b)
		require.NoError(t, err, "the client drops what comes from another address than it wrote to")
		require.Equal(t, s, string(b[:n]))
	}
}

// bytesOf returns n bytes unlike those of another kind.
func bytesOf(kind, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(kind + i + i>>8)
	}
	return string(b)
}

// TestAddCopy: what is added may be used again at once, however much it is.
func TestAddCopy(t *testing.T) {
	f := sender(t, "udp", ":0")
	x, h := client(t, f, vip)
	require.NoError(t, x.SetReadBuffer(1<<20))
	b := make([]byte, 40_000)
	var want []string
	for i := range 4 { // two of them are more than one memory of copies
		want = append(want, bytesOf(i, len(b)))
		copy(b, want[i])
		f.AddCopy(i, b, 0, &h)
		clear(b)
	}
	f.added = 4
	f.flush(t)
	requireRead(t, x, want...)

	const size = 999
	whole := []byte(bytesOf(7, 150_000)) // more than that by itself, cut between segments
	f.AddCopy(0, whole, size, &h)
	want = nil
	for rest := string(whole); rest != ""; {
		n := min(size, len(rest))
		want, rest = append(want, rest[:n]), rest[n:]
	}
	clear(whole)
	f.added = len(want)
	f.flush(t)
	requireRead(t, x, want...)

	f.AddCopy(0, nil, 0, &h)
	f.added = 1
	f.flush(t)
	requireRead(t, x, "")
	require.Equal(t, batch.ArenaSize, f.Held())
}

// TestFlushInOrder: it sends messages in order, with the caller's control messages, up to the
// first that fails, whose error it returns, and drops the rest.
func TestFlushInOrder(t *testing.T) {
	needNetlink(t)
	f := sender(t, "udp", ":0")
	x, h := client(t, f, vip)
	named, bySource := h, pktinfo.AppendSource(nil, true, vip, 0)
	named.Local = source.Local{}
	tooLong := [][]byte{make([]byte, 65000), make([]byte, 1000)}
	notLocal := h
	notLocal.Local.Addr = foreign
	for bad := range 4 {
		for _, want := range []error{errors.Unwrap(mmsg.ErrTooLong), source.ErrNotLocal} {
			for i, s := range []string{"one", "two", "three"} {
				switch {
				case i == bad && want == source.ErrNotLocal:
					f.AddPlain([][]byte{[]byte(s)}, nil, &notLocal)
				case i == bad:
					f.AddPlain(tooLong, nil, &h)
				default:
					f.AddPlain([][]byte{[]byte(s[:1]), nil, []byte(s[1:])}, bySource, &named)
				}
			}
			n, err := f.FlushInOrder(0)
			require.Equal(t, min(bad, 3), n)
			requireRead(t, x, []string{"one", "two", "three"}[:n]...)
			if bad == 3 {
				want = nil
			}
			require.ErrorIs(t, err, want)
			f.add(h, "next") // nothing is left of them
			f.flush(t)
			requireRead(t, x, "next")
		}
	}
}

// TestPieces: a message may have any number of pieces, and of those that are of equal length
// none merge.
func TestPieces(t *testing.T) {
	f := sender(t, "udp", ":0")
	x, h := client(t, f, vip)
	memory := bytesOf(0, 3000)
	for _, n := range []int{1, 2, 1023, 1024, 1025, 3000, 0} {
		for range 2 {
			var pieces [][]byte
			for i := range n {
				pieces = append(pieces, []byte(memory[i:i+1]))
			}
			f.AddPlain(pieces, nil, &h)
		}
		sent, err := f.FlushInOrder(0)
		require.NoError(t, err)
		require.Equal(t, 2, sent)
		requireRead(t, x, memory[:n], memory[:n])
	}
}

// TestPromise8_Released: a Sender that waits in a pool keeps alive neither what was sent, nor
// what failed, nor its error.
func TestPromise8_Released(t *testing.T) {
	f := sender(t, "udp4", ":0")
	x, h := client(t, f, vip)
	var gone []func() bool
	released := func(b []byte) []byte {
		p := weak.Make(&b[0])
		gone = append(gone, func() bool { return p.Value() == nil })
		return b
	}
	func() {
		for i := range 100 {
			f.Add(i, released([]byte(bytesOf(i, 100+i%3))), 0, &h)
		}
		f.Add(100, released(make([]byte, 1200)), 100, &h)
		bad := h
		bad.Local.Addr = foreign
		f.Add(101, released(make([]byte, 100)), 0, &bad)
		_, failures := f.Flush()
		require.Len(t, failures, 1)
		err := weak.Make(&failures[0])
		gone = append(gone, func() bool { return err.Value() == nil })
		f.AddPlain([][]byte{released(make([]byte, 100))}, released(pktinfo.AppendSource(nil, true, vip, 0)), &h)
		_, _ = f.FlushInOrder(0)
	}()
	requireRead(t, x, bytesOf(0, 100))
	runtime.GC()
	for i, isGone := range gone {
		require.True(t, isGone(), i)
	}
	runtime.KeepAlive(f)
}
