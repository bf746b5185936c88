package dsrudp_test

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestHeldErrors: what the kernel says of a datagram that was held is counted, and
// told with its Path, and the others leave.
func TestHeldErrors(t *testing.T) {
	c, tell := listenHolding(t, "udp")
	x := dialVIP(t, c, vips[0])
	requireAhead(t, c, x, 2)
	good := pathFrom(c, vips[0], x)
	foreign := good
	foreign.Local = netip.AddrPortFrom(netip.MustParseAddr("198.51.100.77"), portOf(c))
	hold(t, c, good, "1", string(make([]byte, 65508)), "2")
	hold(t, c, foreign, "bad")
	hold(t, c, good, "3")
	for _, want := range []heldError{{good, syscall.EMSGSIZE}, {foreign, dsrudp.ErrNotLocal}} {
		select {
		case got := <-tell:
			require.Equal(t, want.path, got.path)
			requireWriteOp(t, got.err, want.err)
			require.ErrorContains(t, got.err, x.LocalAddr().String())
		case <-time.After(patience):
			t.Fatal("nothing was told")
		}
	}
	for _, want := range []string{"1", "2", "3"} {
		require.Equal(t, want, read(t, x))
	}
	require.Empty(t, tell)
	s := c.Stats()
	require.EqualValues(t, 1, s.SendTooLong)
	require.EqualValues(t, 1, s.Refused)
}

// TestHeldRefused: what this package refuses is the write's own error, as on any
// Conn, and memory is not the price.
func TestHeldRefused(t *testing.T) {
	c, tell := listenHolding(t, "udp")
	x := dialVIP(t, c, netip.IPv6Loopback())
	requireAhead(t, c, x, 3)
	good := pathFrom(c, netip.IPv6Loopback(), x)
	long := make([]byte, 60000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const tries = 1000
	for range tries {
		for _, local := range []string{"[2001:db8::77]:0", "127.0.0.2:0"} {
			_, err := c.WriteToPath(long, dsrudp.Path{Local: netip.MustParseAddrPort(local), Remote: good.Remote})
			if !errors.Is(err, dsrudp.ErrNotLocal) { // a require would take memory
				t.Fatal(err)
			}
		}
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(tries*len(long)/2))
	_, err := c.WriteToPath(nil, dsrudp.Path{Remote: good.Remote})
	requireWriteOp(t, err, dsrudp.ErrNoPath)
	require.EqualValues(t, 2*tries+1, c.Stats().Refused)
	hold(t, c, good, "1", "2")
	require.Equal(t, "1", read(t, x))
	require.Equal(t, "2", read(t, x))
	require.Empty(t, tell)
}

// TestHeldBehindRefused: a write that is refused leaves alone what is held, and
// what can join it. Several times, as a pause of a millisecond lets it go before.
func TestHeldBehindRefused(t *testing.T) {
	c, tell := listenHolding(t, "udp")
	x := dialVIP(t, c, vips[0])
	good := pathFrom(c, vips[0], x)
	bad := dsrudp.Path{Local: netip.MustParseAddrPort("[2001:db8::77]:0"), Remote: good.Remote}
	for range 20 {
		requireAhead(t, c, x, 3)
		hold(t, c, good, "1")
		_, err := c.WriteToPath([]byte("x"), bad)
		requireWriteOp(t, err, dsrudp.ErrNotLocal)
		hold(t, c, good, "2")
		for range 2 {
			_, _, err := c.ReadFromPath(make([]byte, 8))
			require.NoError(t, err)
		}
		require.Equal(t, "1", read(t, x))
		require.Equal(t, "2", read(t, x))
	}
	require.Empty(t, tell)
}

// TestHeldAfterClose: nothing is held then, also where datagrams were read ahead.
func TestHeldAfterClose(t *testing.T) {
	c, tell := listenHolding(t, "udp")
	x := dialVIP(t, c, vips[0])
	requireAhead(t, c, x, 3)
	p := pathFrom(c, vips[0], x)
	require.NoError(t, c.Close())
	_, err := c.WriteToPath([]byte("1"), p)
	requireWriteOp(t, err, net.ErrClosed)
	_, err = c.WriteToUDPAddrPort([]byte("1"), p.Remote)
	requireWriteOp(t, err, net.ErrClosed)
	require.Empty(t, tell)
}

// TestHeldNobodyTold: without OnWriteError failures are counted alone.
func TestHeldNobodyTold(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{CoalesceWrites: true}, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	requireAhead(t, c, x, 2)
	hold(t, c, pathFrom(c, vips[0], x), string(make([]byte, 65508)), "1")
	require.Equal(t, "1", read(t, x))
	soon(t, "the other is counted", func() bool { return c.Stats().SendTooLong == 1 })
}
