package dsrudp

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// waitPatience bounds every wait for an event: it is reached only when a test fails.
const waitPatience = 5 * time.Second

// holdTwo returns a Conn that holds two datagrams for x, "held" and "too ", which time does
// not send, while somebody else writes, for whom others wait until release is called.
func holdTwo(t *testing.T, refuses bool) (c *Conn, x *net.UDPConn, release func()) {
	t.Helper()
	c, err := (&ListenConfig{
		CoalesceWrites: true,
		OnWriteError:   func(p Path, err error) { t.Errorf("%v: %v", p, err) },
	}).ListenPacket(t.Context(), "udp4", ":0")
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	if refuses { // segments, as invalid
		require.NoError(t, c.control(func(fd uintptr) error {
			return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)
		}))
	}
	local := netip.MustParseAddr("127.0.0.3")
	x, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, c.port)))
	require.NoError(t, err)
	t.Cleanup(func() { x.Close() })
	require.NoError(t, x.SetDeadline(time.Now().Add(waitPatience)))
	late := time.AfterFunc(waitPatience, func() { c.SetDeadline(past) })
	t.Cleanup(func() { late.Stop() })

	inside, leave, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		assert.NoError(t, c.raw.Write(func(uintptr) bool {
			close(inside)
			<-leave
			return true
		}))
	}()
	<-inside
	release = sync.OnceFunc(func() {
		close(leave)
		<-left
	})
	t.Cleanup(release) // Close waits for it

	c.ahead.left.Store(1) // there is more to be read, for who reads to come back
	c.held.armed = true
	for _, b := range []string{"held", "too "} {
		_, err := c.WriteToPath([]byte(b), Path{Local: netip.AddrPortFrom(local, 0), Remote: x.LocalAddr().(*net.UDPAddr).AddrPort()})
		require.NoError(t, err)
	}
	require.Equal(t, 2, c.held.out.items)
	return c, x, release
}

// requireTwo requires that x is sent what was held.
func requireTwo(t *testing.T, x *net.UDPConn) {
	t.Helper()
	for _, want := range []string{"held", "too "} {
		b := make([]byte, 16)
		n, err := x.Read(b)
		require.NoError(t, err)
		require.Equal(t, want, string(b[:n]))
	}
}

// TestHeldReaderWaitsForNobody: who wants to read does not wait for another's write to
// send what is held, neither under a write deadline nor where the kernel wants it one by
// one.
func TestHeldReaderWaitsForNobody(t *testing.T) {
	for name, tc := range map[string]struct {
		deadline time.Time
		refuses  bool
	}{
		"no deadline": {},
		"deadline":    {deadline: time.Now().Add(time.Hour)},
		"one by one":  {deadline: time.Now().Add(time.Hour), refuses: true},
	} {
		t.Run(name, func(t *testing.T) {
			c, x, _ := holdTwo(t, tc.refuses)
			require.NoError(t, c.SetWriteDeadline(tc.deadline))
			c.ahead.left.Store(0)
			_, err := x.Write([]byte("next"))
			require.NoError(t, err)
			b := make([]byte, 16)
			n, _, err := c.ReadFromPath(b)
			require.NoError(t, err)
			require.Equal(t, "next", string(b[:n]))
			requireTwo(t, x)
		})
	}
}

// TestHeldCloseWaitsForNobody: Close sends what is held whoever else is writing.
func TestHeldCloseWaitsForNobody(t *testing.T) {
	for name, refuses := range map[string]bool{"together": false, "one by one": true} {
		t.Run(name, func(t *testing.T) {
			c, x, release := holdTwo(t, refuses)
			closed := make(chan error, 1)
			go func() { closed <- c.Close() }()
			requireTwo(t, x)
			release()
			require.NoError(t, <-closed)
		})
	}
}

// TestOneByOneGoesOn: what was sent one by one until there was no room goes on where it
// stopped, also with a datagram that was merged meanwhile.
func TestOneByOneGoesOn(t *testing.T) {
	c, x, release := holdTwo(t, true)
	release()
	q := c.held.out.batchSender
	q.refusal, q.part, q.sent = unix.EINVAL, 1, 1
	_, err := c.WriteToPath([]byte("more"), Path{Local: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), 0), Remote: x.LocalAddr().(*net.UDPAddr).AddrPort()})
	require.NoError(t, err)
	require.Equal(t, 3, q.msgs[0].count)
	c.held.flush()
	for _, want := range []string{"too ", "more"} {
		b := make([]byte, 16)
		n, err := x.Read(b)
		require.NoError(t, err)
		require.Equal(t, want, string(b[:n]))
	}
	require.Nil(t, q.refusal)
	require.Zero(t, q.part+q.sent)
	require.EqualValues(t, 1, c.Stats().OffloadFallbacks)
}
