package site

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// Patience bounds every wait for an event: it is reached only when a test fails.
const Patience = 20 * time.Second

// A Site is a lab with a record of what its client receives.
type Site struct {
	*lab.Lab

	// VIPs are the balancer's addresses of both families.
	VIPs []netip.Addr

	// Wire records what crosses the client's interface. Something is missing in it where
	// more comes at once than the kernel keeps, as in a large download.
	Wire *lab.Capture
}

// Each runs a test behind each balancer, in a lab of its own.
func Each(t *testing.T, o lab.Options, test func(t *testing.T, s *Site)) {
	for _, o.Balancer = range []lab.Balancer{lab.ECMP, lab.Maglev} {
		t.Run(string(o.Balancer), func(t *testing.T) {
			l := labtest.New(t, o)
			// Each answer that comes from the wrong address is to be rejected.
			require.NoError(t, l.Client.Sysctl("net.ipv4.icmp_ratelimit", "0"))
			require.NoError(t, l.Client.Sysctl("net.ipv6.icmp.ratelimit", "0"))
			wire, err := l.Client.Capture("eth0")
			require.NoError(t, err)
			defer wire.Stop()
			test(t, &Site{Lab: l, VIPs: slices.Concat(l.VIPs4, l.VIPs6), Wire: wire})
		})
	}
}

// A Listener is a way to listen: the line that differs.
type Listener func(network, address string) (net.PacketConn, error)

// Net is the line as it was, and DSR as it is.
var (
	Net Listener = net.ListenPacket
	DSR Listener = func(network, address string) (net.PacketConn, error) {
		return dsrudp.ListenPacket(network, address)
	}
)

// On calls listen on the host. The socket is closed with the test.
func (listen Listener) On(t *testing.T, h *lab.Host, network, address string) net.PacketConn {
	t.Helper()
	var conn net.PacketConn
	require.NoError(t, h.Do(func() (err error) {
		conn, err = listen(network, address)
		return err
	}))
	t.Cleanup(func() { conn.Close() }) // a second time, for servers that close it
	return conn
}

// Receive returns the next value from a channel.
func Receive[T any](t *testing.T, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(Patience):
		require.Fail(t, "nothing was received")
	}
	return value
}

// Rejected waits until the client's kernel rejects an answer to the client's address,
// because it came from an address that the client did not write to.
func (s *Site) Rejected(t *testing.T, client net.Addr) {
	t.Helper()
	port := netip.MustParseAddrPort(client.String()).Port()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	p, err := s.Wire.WaitFor(ctx, func(p lab.Packet) bool {
		return p.Kind == lab.PortUnreachable && p.Outgoing && p.Inner.Dst.Port() == port
	})
	require.NoError(t, err)
	require.NotContains(t, s.VIPs, p.Inner.Src.Addr(), "an answer from the right address")
}

// Dial returns a socket of the client that is connected to remote, and so receives from
// that alone, for libraries whose clients want a net.PacketConn. It is closed with the test.
func (s *Site) Dial(t *testing.T, remote netip.AddrPort) *Connected {
	t.Helper()
	c, err := s.Client.DialUDP("udp", netip.AddrPort{}, remote)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return &Connected{c}
}

// A Connected is a connected socket. Writes to its peer, which net refuses, are allowed.
type Connected struct{ *net.UDPConn }

// WriteTo writes to the peer, which addr has to be.
func (c *Connected) WriteTo(b []byte, addr net.Addr) (int, error) {
	if err := c.check(addr); err != nil {
		return 0, err
	}
	return c.Write(b)
}

// WriteMsgUDP writes to the peer, which addr has to be.
func (c *Connected) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	if err := c.check(addr); err != nil {
		return 0, 0, err
	}
	return c.UDPConn.WriteMsgUDP(b, oob, nil)
}

func (c *Connected) check(addr net.Addr) error {
	if addr.String() != c.RemoteAddr().String() {
		return fmt.Errorf("site: a socket connected to %v cannot write to %v", c.RemoteAddr(), addr)
	}
	return nil
}
