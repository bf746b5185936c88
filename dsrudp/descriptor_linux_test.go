package dsrudp_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestOwnSocket: calls on a socket that this package made do without net's locks where
// they need not wait.
func TestOwnSocket(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	err = raw.Read(func(uintptr) bool {
		return assertEnds(t, func() {
			b := make([]byte, 8)
			n, addr, err := c.ReadFrom(b)
			assert.NoError(t, err)
			err = raw.Write(func(uintptr) bool {
				return assertEnds(t, func() {
					_, err := c.WriteTo(b[:n], addr)
					assert.NoError(t, err)
				})
			})
			assert.NoError(t, err)
		})
	})
	require.NoError(t, err)
	require.Equal(t, "1", read(t, x))
}

// assertEnds calls f on another goroutine.
func assertEnds(t *testing.T, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("it waits for who holds net's lock")
	}
	return true
}

// TestAdoptedThenClosed: calls on a socket made elsewhere ask net, so that one which
// was closed there after all is seen to be, and not taken for the next file with its
// number.
func TestAdoptedThenClosed(t *testing.T) {
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	c, err := dsrudp.NewConn(u)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	x := dial(t, netip.AddrPort{}, addrPortOf(c.LocalAddr()))
	write(t, x, "1")
	b := make([]byte, 8)
	n, addr, err := c.ReadFrom(b)
	require.NoError(t, err)
	require.NoError(t, c.SetDeadline(time.Time{}))
	require.NoError(t, u.Close())
	_, err = c.WriteTo(b[:n], addr)
	require.ErrorIs(t, err, net.ErrClosed)
	_, _, err = c.ReadFrom(b)
	require.ErrorIs(t, err, net.ErrClosed)
}
