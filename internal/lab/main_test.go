//go:build linux

package lab_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// TestMain runs the tests, or one of the programs that tests start.
func TestMain(m *testing.M) {
	if name := os.Getenv(programEnv); name != "" {
		programs[name]()
		return
	}
	labtest.Main(m)
}

// patience bounds every wait of a test for something that is to come.
const patience = 10 * time.Second

func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// serve echoes on a host until the test ends, with the host's name before the
// datagram. An IPv6 address need not be on an interface.
func serve(t testing.TB, h *lab.Host, local netip.AddrPort) {
	t.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if local.Addr().Is6() {
			cerr := c.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
			})
			err = errors.Join(err, cerr)
		}
		return err
	}}
	var c *net.UDPConn
	err := h.Do(func() error {
		pc, err := lc.ListenPacket(context.Background(), network(local.Addr()), local.String())
		if err == nil {
			c = pc.(*net.UDPConn)
		}
		return err
	})
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	go func() {
		defer close(done)
		b := make([]byte, 1<<16)
		for {
			n, client, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return // closed
			}
			// A client that is gone is no matter for the others.
			_, _ = c.WriteToUDPAddrPort(append([]byte(h.Name+":"), b[:n]...), client)
		}
	}()
}

// serveNaively makes all backends serve as the document's first program does:
// bound to the wildcard address, answering whoever asked.
func serveNaively(t testing.TB, l *lab.Lab, f family) {
	for _, b := range l.Backends {
		serve(t, b.Host, netip.AddrPortFrom(f.wildcard, lab.Port))
	}
}

// serveBound makes all backends serve with a socket bound to each address.
func serveBound(t testing.TB, l *lab.Lab, addrs ...netip.Addr) {
	for _, b := range l.Backends {
		for _, a := range addrs {
			serve(t, b.Host, netip.AddrPortFrom(a, lab.Port))
		}
	}
}

func network(a netip.Addr) string {
	if a.Is4() {
		return "udp4"
	}
	return "udp6"
}

// dial returns a connected socket of a lab's client.
func dial(t testing.TB, l *lab.Lab, to netip.Addr) *net.UDPConn {
	t.Helper()
	return dialFrom(t, l.Client, netip.AddrPortFrom(to, lab.Port))
}

func dialFrom(t testing.TB, h *lab.Host, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := h.DialUDP("udp", netip.AddrPort{}, to)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends a request on a connected socket and returns the answer.
func ask(t testing.TB, c *net.UDPConn, request string) string {
	t.Helper()
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	_, err := c.Write([]byte(request))
	require.NoError(t, err)
	b := make([]byte, 1<<16)
	n, err := c.Read(b)
	require.NoError(t, err, "no answer from %v to %v", c.RemoteAddr(), c.LocalAddr())
	return string(b[:n])
}

// requireNothing fails if the client has been given a datagram. What might
// have come must have been dealt with before.
func requireNothing(t testing.TB, c *net.UDPConn) {
	t.Helper()
	rc, err := c.SyscallConn()
	require.NoError(t, err)
	var n int
	var rerr error
	require.NoError(t, rc.Control(func(fd uintptr) {
		n, _, rerr = unix.Recvfrom(int(fd), make([]byte, 1<<16), unix.MSG_DONTWAIT)
	}))
	require.ErrorIs(t, rerr, unix.EAGAIN, "%d octets came", n)
}

// addrPort returns an end of a client's socket.
func addrPort(a net.Addr) netip.AddrPort {
	ap := a.(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// A family is what differs between IPv4 and IPv6 in a lab.
type family struct {
	name     string
	wildcard netip.Addr
	client   func(*lab.Lab) netip.Addr
	vips     func(*lab.Lab) []netip.Addr
	internal func(*lab.Backend) netip.Addr
	external func(*lab.Backend) netip.Addr // as the internet sees internal
}

var families = []family{
	{
		name:     "IPv4",
		wildcard: netip.IPv4Unspecified(),
		client:   func(l *lab.Lab) netip.Addr { return l.Client4 },
		vips:     func(l *lab.Lab) []netip.Addr { return l.VIPs4 },
		internal: func(b *lab.Backend) netip.Addr { return b.Internal4 },
		external: func(b *lab.Backend) netip.Addr { return b.External4 },
	},
	{
		name:     "IPv6",
		wildcard: netip.IPv6Unspecified(),
		client:   func(l *lab.Lab) netip.Addr { return l.Client6 },
		vips:     func(l *lab.Lab) []netip.Addr { return l.VIPs6 },
		internal: func(b *lab.Backend) netip.Addr { return b.Internal6 },
		external: func(b *lab.Backend) netip.Addr { return b.Internal6 },
	},
}

// everyLab runs a test in labs with either balancer, for each family. The
// subtests share a lab but no server.
func everyLab(t *testing.T, o lab.Options, test func(*testing.T, *lab.Lab, family)) {
	for _, balancer := range []lab.Balancer{lab.ECMP, lab.Maglev} {
		t.Run(string(balancer), func(t *testing.T) {
			t.Parallel()
			o := o
			o.Balancer = balancer
			l := labtest.New(t, o)
			for _, f := range families {
				t.Run(f.name, func(t *testing.T) { test(t, l, f) })
			}
		})
	}
}
