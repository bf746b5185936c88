package facts_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A k8Dam is an address of the client that the server has a route to, but no
// Ethernet address for. What is sent there waits in the server until it has one,
// and counts against the send buffer meanwhile.
type k8Dam struct {
	name     string
	networks []string
	to       netip.Addr
	vips     []netip.Addr
}

var k8Dams = []k8Dam{
	{"IPv4", []string{"udp4", "udp"}, netip.MustParseAddr("203.0.113.8"), duoVIPs4},
	{"IPv6", []string{"udp6", "udp"}, netip.MustParseAddr("2001:db8:77::8"), duoVIPs6},
}

// k8Small is less than the least send buffer that there is.
var k8Small = dsrudp.ListenConfig{WriteBuffer: 1}

// build makes the address, one that nobody answers for, and returns the
// client's socket there and how to let the water out.
func (m k8Dam) build(t *testing.T, d *duo, port uint16) (client *net.UDPConn, release func()) {
	t.Helper()
	p := netip.PrefixFrom(m.to, m.to.BitLen())
	require.NoError(t, d.client.AddAddr("lo", p))
	require.NoError(t, d.client.Sysctl("net.ipv4.conf.all.arp_ignore", "1"))
	for _, key := range []string{"net.ipv4.neigh.eth0.mcast_solicit", "net.ipv6.neigh.eth0.mcast_solicit"} {
		require.NoError(t, d.server.Sysctl(key, "1000")) // seconds
	}
	require.NoError(t, d.server.AddRoute(p, netip.Addr{}, duoDev))
	client = duoDial(t, d.client, netip.AddrPortFrom(m.to, 0), netip.AddrPortFrom(m.vips[0], port))
	return client, func() { duoIntroduce(t, d.server, duoDev, d.client, duoDev, m.to) }
}

// k8Fill sends until the kernel says EAGAIN, past Go's poller.
func k8Fill(t *testing.T, c *dsrudp.Conn, to netip.AddrPort) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	var sa unix.Sockaddr = &unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
	if bareValue(t, c, unix.SOL_SOCKET, unix.SO_DOMAIN) == unix.AF_INET {
		sa = &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	}
	require.NoError(t, raw.Control(func(fd uintptr) {
		for range 1 << 16 {
			if err = unix.Sendto(int(fd), []byte("filling"), unix.MSG_DONTWAIT, sa); err != nil {
				return
			}
		}
	}))
	require.ErrorIs(t, err, unix.EAGAIN)
}

// K8.4: a full send buffer is EAGAIN, which callers do not see: a write waits
// until there is room, its deadline, or Close.
func TestK8_4_SendBufferFull(t *testing.T) {
	for _, m := range k8Dams {
		for _, network := range m.networks {
			t.Run(m.name+"/"+network, func(t *testing.T) {
				d := newDuo(t)
				c := d.listenDSR(t, k8Small, network, netip.Addr{})
				client, release := m.build(t, d, siteAddr(c.LocalAddr()).Port())
				d.ask(t, client)
				_, p, err := c.ReadFromPath(make([]byte, 2048))
				require.NoError(t, err)
				k8Fill(t, c, p.Remote)

				require.NoError(t, c.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
				for _, write := range k8Writes(c, p) {
					err := write("late")
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
					var op *net.OpError
					require.ErrorAs(t, err, &op)
					require.Equal(t, "write", op.Op)
				}

				require.NoError(t, c.SetWriteDeadline(time.Now().Add(sitePatience)))
				writes := k8Writes(c, p)
				waiting := make(chan error, len(writes))
				for name, write := range writes {
					go func() { waiting <- write("in the end by " + name) }()
				}
				duoSoon(t, "all writes wait", func() bool { return k8Parked("TestK8_4_SendBufferFull") == len(writes) })
				require.Empty(t, waiting)
				release()
				for range writes {
					require.NoError(t, <-waiting)
				}
				arrived := map[string]bool{}
				for len(arrived) < len(writes) {
					b := make([]byte, 2048)
					n, err := client.Read(b)
					require.NoError(t, err, "arrived: %v", arrived)
					require.NotEqual(t, "late", string(b[:n]))
					arrived[string(b[:n])] = true
				}
				for name := range writes {
					require.Contains(t, arrived, "in the end by "+name)
				}
				require.Zero(t, c.Stats().Refused)
			})
		}
	}
}

// k8Writes are the ways to write along p, by name.
func k8Writes(c *dsrudp.Conn, p dsrudp.Path) map[string]func(payload string) error {
	return map[string]func(payload string) error{
		"WriteToPath":        func(s string) error { _, err := c.WriteToPath([]byte(s), p); return err },
		"WriteToUDPAddrPort": func(s string) error { _, err := c.WriteToUDPAddrPort([]byte(s), p.Remote); return err },
		"WriteTo":            func(s string) error { _, err := c.WriteTo([]byte(s), net.UDPAddrFromAddrPort(p.Remote)); return err },
		"WriteMsgUDPAddrPort": func(s string) error {
			_, _, err := c.WriteMsgUDPAddrPort([]byte(s), k8Source(p.Local.Addr()), p.Remote)
			return err
		},
	}
}

// k8Parked returns how many goroutines that a function started wait: one writer
// in the runtime's poller, and the others for their turn.
func k8Parked(function string) (n int) {
	buf := make([]byte, 1<<20)
	for _, g := range bytes.Split(buf[:runtime.Stack(buf, true)], []byte("\n\n")) {
		waits := bytes.Contains(g, []byte("[IO wait")) || bytes.Contains(g, []byte("[semacquire"))
		if waits && bytes.Contains(g, []byte(function)) {
			n++
		}
	}
	return n
}

// K8.4: Close ends writes that wait for room.
func TestK8_4_CloseWhileFull(t *testing.T) {
	d := newDuo(t)
	m := k8Dams[1]
	c := d.listenDSR(t, k8Small, "udp", netip.Addr{})
	client, _ := m.build(t, d, siteAddr(c.LocalAddr()).Port())
	d.ask(t, client)
	_, p, err := c.ReadFromPath(make([]byte, 2048))
	require.NoError(t, err)
	k8Fill(t, c, p.Remote)
	writes := k8Writes(c, p)
	waiting := make(chan error, len(writes))
	for _, write := range writes {
		go func() { waiting <- write("never") }()
	}
	duoSoon(t, "all writes wait", func() bool { return k8Parked("TestK8_4_CloseWhileFull") == len(writes) })
	require.NoError(t, c.Close())
	for range writes {
		require.ErrorIs(t, <-waiting, net.ErrClosed)
	}
}

// K8.4: a datagram larger than the whole buffer is an error, the same as under
// net, and the next one is none the worse for it.
func TestK8_4_LargerThanSendBuffer(t *testing.T) {
	d := newDuo(t)
	long := make([]byte, 60000)
	for _, p := range k8Peers {
		for _, network := range p.networks {
			t.Run(p.name+"/"+network, func(t *testing.T) {
				client := d.dialFrom(t, p.a, p.vips[0])
				b := d.listen(t, network, netip.Addr{}, k8Freebind)
				require.NoError(t, b.SetWriteBuffer(1))
				d.ask(t, client)
				_, _, want := b.WriteMsgUDPAddrPort(long, k8Source(p.vips[0]), b.receive().from)
				bareFails(t, want, unix.ENOBUFS, unix.EMSGSIZE)
				require.NoError(t, b.Close())

				c := d.listenDSR(t, k8Small, network, netip.Addr{})
				d.ask(t, client)
				_, path, err := c.ReadFromPath(make([]byte, 2048))
				require.NoError(t, err)
				for name, write := range k8Writes(c, path) {
					err := write(string(long))
					require.ErrorIs(t, err, errors.Unwrap(errors.Unwrap(want)), "%s: %v, want %v", name, err, want)
					require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
					require.NoError(t, write("short by "+name))
					d.requireAccepted(t, client, "short by "+name)
				}
			})
		}
	}
}
