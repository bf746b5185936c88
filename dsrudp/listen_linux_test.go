package dsrudp_test

import (
	"net"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// foreign6 is no address of any host that runs the tests.
const foreign6 = "2001:db8::77"

// TestListenOptions: what ListenConfig asks for reaches the socket.
func TestListenOptions(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{
		ReadBuffer: 1 << 15, WriteBuffer: 1 << 14, ReusePort: true, FreeBind: true, GRO: true, ECN: true,
	}, "udp", "127.0.0.1:0")
	requireOptions(t, c)
}

// requireOptions requires the socket to have what that ListenConfig asks for.
func requireOptions(t *testing.T, c *dsrudp.Conn) {
	t.Helper()
	for _, o := range []struct{ level, name, want int }{
		{unix.SOL_SOCKET, unix.SO_RCVBUF, 2 << 15}, // the kernel doubles it
		{unix.SOL_SOCKET, unix.SO_SNDBUF, 2 << 14},
		{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
		{unix.IPPROTO_IP, unix.IP_FREEBIND, 1},
		{unix.IPPROTO_UDP, unix.UDP_GRO, 1},
		{unix.IPPROTO_IP, unix.IP_RECVTOS, 1},
	} {
		onFd(t, c, func(fd int) {
			got, err := unix.GetsockoptInt(fd, o.level, o.name)
			require.NoError(t, err)
			require.Equal(t, o.want, got, "option %d of %d", o.name, o.level)
		})
	}
}

// TestT50_BufferTooLarge: a buffer that the kernel gives smaller than it is asked for is an
// error that says how large it is. Conn's own methods are net's, which say nothing.
func TestT50_BufferTooLarge(t *testing.T) {
	const size = 1 << 30
	for _, tc := range []struct {
		lc    dsrudp.ListenConfig
		limit string
	}{{dsrudp.ListenConfig{ReadBuffer: size}, "rmem_max"}, {dsrudp.ListenConfig{WriteBuffer: size}, "wmem_max"}} {
		b, err := os.ReadFile("/proc/sys/net/core/" + tc.limit)
		if err != nil {
			t.Skip(err) // a namespace before Linux 6.6 does not show it
		}
		allowed := strings.TrimSpace(string(b))
		_, err = tc.lc.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
		require.ErrorContains(t, err, "is 1073741824 bytes, of which the kernel gave "+allowed+" (net.core."+tc.limit+")")
		_, err = tc.lc.NewConns(netClient(t, net.IPv4(127, 0, 0, 1)))
		require.ErrorContains(t, err, allowed)

		n, err := strconv.Atoi(allowed)
		require.NoError(t, err)
		lc := tc.lc
		lc.ReadBuffer, lc.WriteBuffer = min(lc.ReadBuffer, n), min(lc.WriteBuffer, n)
		c := listenWith(t, &lc, "udp4", "127.0.0.1:0")
		require.NoError(t, c.SetReadBuffer(size))
		require.NoError(t, c.SetWriteBuffer(size))
	}
	// A service manager may have given a socket more, which takes a privilege.
	u := netClient(t, net.IPv4(127, 0, 0, 1))
	onFd(t, u, func(fd int) {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size/2) == nil {
			cs, err := (&dsrudp.ListenConfig{ReadBuffer: size / 2}).NewConns(u)
			require.NoError(t, err)
			t.Cleanup(func() { cs[0].Close() })
		}
	})
}

// TestReusePortZero: a socket that may share its port, and asks for port 0, is not bound to
// another's port; it can be to one that it asks for. IP_LOCAL_PORT_RANGE leaves the kernel
// one port to pick.
func TestReusePortZero(t *testing.T) {
	lc := &dsrudp.ListenConfig{ReusePort: true}
	first := listenWith(t, lc, "udp4", "127.0.0.1:0")
	listenWith(t, lc, "udp4", first.LocalAddr().String())

	port := int(portOf(first))
	var err error
	lc.Control = func(_, _ string, rc syscall.RawConn) error {
		return rc.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_LOCAL_PORT_RANGE, port<<16|port)
		})
	}
	_, got := lc.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Skipf("IP_LOCAL_PORT_RANGE: %v", err)
	}
	require.ErrorIs(t, got, unix.EADDRINUSE)
}

// TestK6_6_JoinedRefused: no Conn without GRO is made of a socket that joins datagrams.
func TestK6_6_JoinedRefused(t *testing.T) {
	gro := [2]int{unix.IPPROTO_UDP, unix.UDP_GRO}
	_, err := controlling(gro).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	require.ErrorContains(t, err, "UDP_GRO")

	u := netClient(t, net.IPv4(127, 0, 0, 1))
	setsockopts(t, u, gro)
	_, err = dsrudp.NewConn(u)
	require.ErrorContains(t, err, "UDP_GRO")
	_, err = u.WriteTo([]byte("still the caller's"), u.LocalAddr())
	require.NoError(t, err)
	cs, err := (&dsrudp.ListenConfig{GRO: true}).NewConns(u) // which expects it
	require.NoError(t, err)
	require.NoError(t, cs[0].Close())
}

// TestPromise5_NoNetlink: where netlink sockets are denied there is no guard, so the
// kernel keeps its own: what needs none works, and what would take the kernel's away is
// refused on listening.
func TestPromise5_NoNetlink(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	forbidNetlink(t)
	_, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	require.ErrorIs(t, err, unix.EPERM)

	for _, w := range wildcards {
		c := listen(t, w.network, w.address)
		x, y := dialOnePort(t, c, vips[0], vips[1])
		ask(t, c, carrying["ReadFrom"], x, y)
	}
	c := listen(t, "udp6", ":0")
	x := dialVIP(t, c, loopback6)
	a := receive(t, c, x)
	_, err = c.WriteTo([]byte("1"), a)
	require.NoError(t, err)
	require.Equal(t, "1", read(t, x))
	_, err = c.WriteToPath([]byte("bad"), pathTo(foreign6, addrPortOf(a)))
	require.ErrorIs(t, err, unix.EINVAL, "the kernel's guard is in force")
	require.ErrorIs(t, err, dsrudp.ErrNotLocal, "which may refuse a local route")
	require.ErrorContains(t, err, "AF_NETLINK")
	require.EqualValues(t, 1, c.Stats().Refused)

	for _, network := range []string{"udp", "udp6"} {
		_, err = (&dsrudp.ListenConfig{FreeBind: true}).ListenPacket(t.Context(), network, "[::]:0")
		require.ErrorContains(t, err, "IP_FREEBIND")
		require.ErrorIs(t, err, unix.EPERM)
	}
	// IPv4 sources the kernel validates all the same.
	free := listenWith(t, &dsrudp.ListenConfig{FreeBind: true}, "udp4", "198.51.100.77:0")
	y := netClient(t, net.IPv4(127, 0, 0, 1))
	_, err = free.WriteTo([]byte("bad"), y.LocalAddr())
	assertOp(t, "write", err, nil)
	require.ErrorAs(t, err, new(*os.SyscallError), "the kernel's, whichever it has for that")
	requireNothing(t, y)
	// An answer to a client on this host would leave by an interface, and be lost.
	_, err = (&dsrudp.ListenConfig{ReplyByInterface: true}).ListenPacket(t.Context(), "udp4", ":0")
	require.ErrorContains(t, err, "ReplyByInterface")
	require.ErrorIs(t, err, unix.EPERM)
}

// TestPromise5_NotAsked: a guard that cannot ask the kernel any more refuses IPv6 sources,
// those of received datagrams too. Over IPv4 the kernel validates.
func TestPromise5_NotAsked(t *testing.T) {
	needNetlink(t)
	if !apart(t, "it did not end") {
		return
	}
	c := listen(t, "udp", ":0")
	for _, fd := range netlinkSockets(t) {
		forbid(t, unix.EPERM, unix.SYS_WRITE, map[int]uint32{0: uint32(fd)})
	}
	x := dialVIP(t, c, loopback6)
	a := receive(t, c, x)
	refused := 0
	requireRefused := func(name string, err error) {
		t.Helper()
		require.ErrorIs(t, err, dsrudp.ErrNotLocal, name)
		require.ErrorIs(t, err, unix.EPERM, name)
		require.ErrorContains(t, err, "could not be asked", name)
		refused++
		require.EqualValues(t, refused, c.Stats().Refused, name)
	}
	_, err := c.WriteTo([]byte("bad"), a)
	requireRefused("carried", err)
	requireRefused("foreign", writers["WriteToPath"](c, []byte("bad"), pathTo(foreign6, addrPortOf(a))))
	for name, write := range writers {
		requireRefused(name, write(c, []byte("bad"), pathTo("::1", addrPortOf(a))))
	}
	requireNothing(t, x)
	x, y := dialOnePort(t, c, vips[0], vips[1])
	ask(t, c, carrying["ReadFrom"], x, y)
}

// TestGuardShared: all Conns share one guard, which the last one to be closed closes, and
// which no error on listening, and no second Close, gives back too often or never.
func TestGuardShared(t *testing.T) {
	needNetlink(t)
	if !apart(t, "it did not end") {
		return
	}
	c := listen(t, "udp", ":0")
	held := netlinkSockets(t)
	require.NotEmpty(t, held)
	requireHeld := func(want []int) {
		t.Helper()
		collect(t) // gives back what it finds unused
		require.Equal(t, want, netlinkSockets(t))
	}
	mistype := func() {
		t.Helper()
		_, err := dsrudp.ListenPacket("udp6", "["+foreign6+"]:0")
		require.ErrorIs(t, err, unix.EADDRNOTAVAIL)
	}
	for _, network := range []string{"udp", "udp4", "udp6"} {
		d := listen(t, network, ":0")
		requireHeld(held)
		require.NoError(t, d.Close())
		require.ErrorIs(t, d.Close(), net.ErrClosed)
		requireHeld(held)
	}
	mistype()
	requireHeld(held)

	// The second of a set is bound before net binds it, which is EINVAL.
	calls := 0
	second := &dsrudp.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) (err error) {
		if calls++; calls < 2 {
			return nil
		}
		e := rc.Control(func(fd uintptr) { err = unix.Bind(int(fd), &unix.SockaddrInet6{}) })
		require.NoError(t, e)
		return err
	}}
	_, err := second.ListenN(t.Context(), "udp", ":0", 3)
	require.ErrorIs(t, err, unix.EINVAL)
	require.Equal(t, 2, calls)
	requireHeld(held)

	// The first is complete but for the option that lets others join it.
	forbid(t, unix.EPERM, unix.SYS_SETSOCKOPT, map[int]uint32{1: unix.SOL_SOCKET, 2: unix.SO_REUSEPORT})
	_, err = new(dsrudp.ListenConfig).ListenN(t.Context(), "udp", ":0", 2)
	require.ErrorIs(t, err, unix.EPERM)
	requireHeld(held)

	// The guard still works.
	x := dialVIP(t, c, loopback6)
	_, err = c.WriteToPath([]byte("bad"), pathTo(foreign6, addrPortOf(x.LocalAddr())))
	require.ErrorIs(t, err, dsrudp.ErrNotLocal)
	require.NotErrorIs(t, err, unix.EBADF)
	_, err = c.WriteToPath([]byte("1"), pathTo("::1", addrPortOf(x.LocalAddr())))
	require.NoError(t, err)
	require.Equal(t, "1", read(t, x))
	require.NoError(t, c.Close())
	requireHeld(nil)
	mistype()
	requireHeld(nil)
}

// TestGuardForgotten: a Conn that is forgotten instead of closed gives the guard back.
func TestGuardForgotten(t *testing.T) {
	needNetlink(t)
	if !apart(t, "it did not end") {
		return
	}
	for _, make := range []func() (*dsrudp.Conn, error){
		func() (*dsrudp.Conn, error) { return dsrudp.ListenPacket("udp", ":0") },
		func() (*dsrudp.Conn, error) {
			u, err := net.ListenUDP("udp", nil)
			require.NoError(t, err)
			return dsrudp.NewConn(u)
		},
	} {
		func() {
			c, err := make()
			require.NoError(t, err)
			require.NotNil(t, c)
			require.NotEmpty(t, netlinkSockets(t))
		}()
		soon(t, "the guard is closed", func() bool { runtime.GC(); return len(netlinkSockets(t)) == 0 })
	}
}

// collect runs the garbage collector and waits until the cleanups of what it found have
// run.
func collect(t *testing.T) {
	t.Helper()
	runtime.GC() // queues them before it returns
	left := []metrics.Sample{{Name: "/gc/cleanups/queued:cleanups"}, {Name: "/gc/cleanups/executed:cleanups"}}
	soon(t, "cleanups run", func() bool {
		metrics.Read(left)
		return left[0].Value.Uint64() == left[1].Value.Uint64()
	})
}

// netlinkSockets returns the process's netlink sockets: the guard's.
func netlinkSockets(t *testing.T) (fds []int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range all {
		fd, err := strconv.Atoi(e.Name())
		require.NoError(t, err)
		if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil && domain == unix.AF_NETLINK {
			fds = append(fds, fd)
		}
	}
	return fds
}
