package dsrudp_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// unbound returns a socket that net took for one that is bound to no port.
func unbound(t *testing.T, domain int) *net.UDPConn {
	t.Helper()
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	f := os.NewFile(uintptr(fd), "udp")
	defer f.Close()
	c, err := net.FilePacketConn(f)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.Zero(t, portOf(c))
	return c.(*net.UDPConn)
}

// TestT2_AdoptUnbound: a socket that is not bound is bound first, and one that was bound
// after net looked is known by its true address: LocalAddr, Paths and what addresses carry
// have the port.
func TestT2_AdoptUnbound(t *testing.T) {
	for name, tc := range map[string]struct {
		domain int
		bind   unix.Sockaddr // nil for none
		vips   []netip.Addr
		local  net.IP
	}{
		"IPv4":         {unix.AF_INET, nil, vips, net.IPv4zero},
		"both":         {unix.AF_INET6, nil, vips, net.IPv6zero},
		"bound to any": {unix.AF_INET, &unix.SockaddrInet4{}, vips, net.IPv4zero},
		"bound":        {unix.AF_INET, &unix.SockaddrInet4{Addr: vips[0].As4()}, vips[:1], vips[0].AsSlice()},
		"bound, IPv6":  {unix.AF_INET6, &unix.SockaddrInet6{Addr: loopback6.As16()}, []netip.Addr{loopback6}, net.IPv6loopback},
	} {
		t.Run(name, func(t *testing.T) {
			u := unbound(t, tc.domain)
			if tc.bind != nil {
				onFd(t, u, func(fd int) { require.NoError(t, unix.Bind(fd, tc.bind)) })
			}
			c := adopt(t, u)
			require.NotZero(t, portOf(c))
			require.True(t, tc.local.Equal(c.LocalAddr().(*net.UDPAddr).IP), c.LocalAddr())
			for _, vip := range tc.vips {
				x := dialVIP(t, c, vip)
				a := receive(t, c, x)
				p, ok := dsrudp.PathOf(a)
				require.True(t, ok)
				require.Equal(t, pathFrom(c, vip, x), p)
				_, err := c.WriteTo([]byte("1"), a)
				require.NoError(t, err)
				require.Equal(t, "1", read(t, x))
			}
		})
	}
}

// TestT7_NewConns: adopted sockets have the options of ListenConfig, and those of one port
// share a path memory, which those of others do not.
func TestT7_NewConns(t *testing.T) {
	needNetlink(t)
	one, other := reusable(t, "udp4", ":0"), netClient(t, net.IPv4zero)
	again := reusable(t, "udp4", one.LocalAddr().String())
	fresh := unbound(t, unix.AF_INET6)
	var called []string
	lc := &dsrudp.ListenConfig{
		Strict: true, GRO: true, ECN: true, ReusePort: true, FreeBind: true,
		ReadBuffer: 1 << 15, WriteBuffer: 1 << 14, PathMemory: 8,
		Control: func(network, address string, rc syscall.RawConn) (err error) {
			called = append(called, network+" "+address)
			e := rc.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PRIORITY, 3) })
			return errors.Join(err, e)
		},
	}
	cs, err := lc.NewConns(one, other, again, fresh)
	require.NoError(t, err)
	require.Equal(t, []string{
		"udp4 " + one.LocalAddr().String(), "udp6 " + other.LocalAddr().String(), "udp4 " + again.LocalAddr().String(), "udp6 [::]:0",
	}, called)
	for i, c := range cs {
		t.Cleanup(func() { c.Close() })
		requireOptions(t, c)
		onFd(t, c, func(fd int) {
			priority, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY)
			require.NoError(t, err)
			require.Equal(t, 3, priority, "socket %d", i)
		})
		_, _, err := c.ReadFrom(make([]byte, 1))
		require.ErrorIs(t, err, dsrudp.ErrNotSupported, "with GRO")
		_, err = c.WriteToUDPAddrPort([]byte("1"), netip.MustParseAddrPort("127.0.0.1:9"))
		require.ErrorIs(t, err, dsrudp.ErrNoPath, "with Strict")
	}

	// What the first reads its whole set knows; the kernel may give it to either.
	require.NoError(t, cs[2].Close())
	x := dialVIP(t, cs[0], vips[0])
	write(t, x, "1")
	_, err = cs[0].ReadPackets(packets(1, 1<<16))
	require.NoError(t, err)
	for i, c := range cs {
		_, known := c.PathTo(addrPortOf(x.LocalAddr()))
		require.Equal(t, i == 0 || i == 2, known, i)
	}
}

// TestT7_NewConnsAllOrNone: where one socket cannot be adopted all are the caller's still,
// and none joins datagrams.
func TestT7_NewConnsAllOrNone(t *testing.T) {
	closed := netClient(t, net.IPv4(127, 0, 0, 1))
	require.NoError(t, closed.Close())
	boom := errors.New("boom")
	calls := 0
	second := func(string, string, syscall.RawConn) error {
		if calls++; calls == 2 {
			return boom
		}
		return nil
	}
	for _, tc := range []struct {
		lc   dsrudp.ListenConfig
		last *net.UDPConn
		want error
	}{
		{dsrudp.ListenConfig{GRO: true}, nil, syscall.EINVAL},
		{dsrudp.ListenConfig{GRO: true}, closed, net.ErrClosed},
		{dsrudp.ListenConfig{GRO: true, Control: second}, netClient(t, net.IPv4(127, 0, 0, 1)), boom},
	} {
		u := netClient(t, net.IPv4(127, 0, 0, 1))
		conns, err := tc.lc.NewConns(u, tc.last)
		assertOp(t, "adopt", err, tc.want)
		require.Nil(t, conns)
		onFd(t, u, func(fd int) {
			gro, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO)
			require.NoError(t, err)
			require.Zero(t, gro)
		})
		_, err = u.WriteTo([]byte("still the caller's"), u.LocalAddr())
		require.NoError(t, err)
		_, _, err = u.ReadFrom(make([]byte, 32))
		require.NoError(t, err)

		cs, err := (&dsrudp.ListenConfig{GRO: tc.lc.GRO}).NewConns(u)
		require.NoError(t, err)
		require.NoError(t, cs[0].Close())
		require.ErrorIs(t, u.Close(), net.ErrClosed, "taken over")
	}
	none, err := new(dsrudp.ListenConfig).NewConns()
	require.NoError(t, err)
	require.Empty(t, none)
}

// TestT7_Deadlines: of the deadlines that a socket had before it was adopted reads go by theirs,
// and writes by none, whether there is room in the send buffer or they have to wait for it.
func TestT7_Deadlines(t *testing.T) {
	u := netClient(t, net.IPv4(127, 0, 0, 1))
	require.NoError(t, u.SetDeadline(past))
	c, err := dsrudp.NewConn(u)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.WriteTo([]byte("1"), c.LocalAddr())
	require.NoError(t, err)
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Write(func(uintptr) bool { return true }), "which the wait is")
	_, _, err = c.ReadFrom(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// strict answers from what is remembered, or not at all.
var strict = dsrudp.ListenConfig{Strict: true}

// serveByOther answers with the next Conn of a set, which knows the path only by the memory
// that they share. It returns when the Conns' read deadline passes, and all that was read
// is answered.
func serveByOther(t *testing.T, cs []*dsrudp.Conn) {
	var reading sync.WaitGroup
	for i, c := range cs {
		reading.Go(func() {
			b := make([]byte, 64)
			for {
				n, a, err := c.ReadFromUDPAddrPort(b)
				if errors.Is(err, os.ErrDeadlineExceeded) {
					return
				}
				if err == nil {
					_, err = cs[(i+1)%len(cs)].WriteToUDPAddrPort(b[:n], a)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	reading.Wait()
}

// stop ends serveByOther.
func stop(cs []*dsrudp.Conn) {
	for _, c := range cs {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // the error is that it is closed
	}
}

// TestT7_Restart: a process passes a set of sockets to the next one (File, NewConns) while
// clients ask two VIPs. Each gets the answers to all of its own.
func TestT7_Restart(t *testing.T) {
	const sockets, clients, rounds = 2, 16, 100 // rounds after the handover
	const child = "DSRUDP_TEST_RESTART"
	if os.Getenv(child) != "" {
		var us []*net.UDPConn
		for i := range sockets {
			f := os.NewFile(uintptr(3+i), "udp")
			u, err := net.FilePacketConn(f)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			us = append(us, u.(*net.UDPConn))
		}
		cs, err := strict.NewConns(us...)
		require.NoError(t, err)
		fmt.Println("adopted")
		go func() {
			io.Copy(io.Discard, os.Stdin) // until the parent is done
			stop(cs)
		}()
		serveByOther(t, cs)
		return
	}
	needVIPs(t)
	cs, err := strict.ListenN(t.Context(), "udp", ":0", sockets)
	require.NoError(t, err)
	var serving, asking sync.WaitGroup
	t.Cleanup(func() {
		stop(cs)
		serving.Wait()
		asking.Wait()
	})
	serving.Go(func() { serveByOther(t, cs) })

	asked, handed := make(chan struct{}, clients), make(chan struct{})
	for i := range clients {
		x := dialVIP(t, cs[0], vips[i%2])
		require.NoError(t, x.SetDeadline(time.Now().Add(3*patience)))
		asking.Go(func() {
			for r, after := 0, 0; after < rounds; r++ {
				select {
				case <-handed:
					after++
				default:
				}
				ok := asks(t, x, fmt.Sprint(i, "/", r))
				if r == 0 {
					asked <- struct{}{}
				}
				if !ok {
					return
				}
			}
		})
	}
	for range clients {
		<-asked // so that they are at it meanwhile
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), child+"=1")
	cmd.Stderr = os.Stderr
	for _, c := range cs {
		f, err := c.File()
		require.NoError(t, err)
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	printed := ""
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "adopted"; {
		printed += lines.Text() + "\n"
	}
	require.NotContains(t, printed, "FAIL")
	stop(cs)
	serving.Wait()
	for _, c := range cs {
		require.NoError(t, c.Close())
	}
	close(handed)
	asking.Wait()
	require.NoError(t, in.Close())
	rest, err := io.ReadAll(out)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), "%s", rest)
}

// TestPromise1_AdoptConnected: what was queued before a socket was connected, which bound it to
// one address, is answered from the address that it was sent to.
func TestPromise1_AdoptConnected(t *testing.T) {
	u := netClient(t, net.IPv4zero)
	x := dialVIP(t, u, vips[1])
	write(t, x, "1")
	onFd(t, u, func(fd int) {
		peer := addrPortOf(x.LocalAddr())
		require.NoError(t, unix.Connect(fd, &unix.SockaddrInet4{Addr: peer.Addr().As4(), Port: int(peer.Port())}))
	})
	f, err := u.File()
	require.NoError(t, err)
	defer f.Close()
	again, err := net.FilePacketConn(f) // net looks at its addresses now
	require.NoError(t, err)
	c := adopt(t, again.(*net.UDPConn))
	require.Equal(t, loopback4, addrPortOf(c.LocalAddr()).Addr())
	_, p, err := c.ReadFromPath(make([]byte, 8))
	require.NoError(t, err)
	if _, denied := net.Interfaces(); denied != nil { // netlink would say that the VIP is the host's
		require.False(t, p.Local.IsValid(), "it may be another than the socket's own")
		return
	}
	require.Equal(t, between(x), p)
	_, err = c.WriteToPath([]byte("2"), p)
	require.NoError(t, err)
	require.Equal(t, "2", read(t, x))
}
