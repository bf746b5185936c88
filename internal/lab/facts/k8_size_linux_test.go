package facts_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// k8Ways echo one datagram of any size, by what the local address is known by.
var k8Ways = map[string]func(c *dsrudp.Conn, b []byte) error{
	"WriteToPath": func(c *dsrudp.Conn, b []byte) error {
		n, p, err := c.ReadFromPath(b)
		_, e := c.WriteToPath(b[:n], p)
		return errors.Join(err, e)
	},
	"WriteTo": func(c *dsrudp.Conn, b []byte) error {
		n, addr, err := c.ReadFrom(b)
		_, e := c.WriteTo(b[:n], addr)
		return errors.Join(err, e)
	},
	"WriteToUDPAddrPort": func(c *dsrudp.Conn, b []byte) error {
		n, addr, err := c.ReadFromUDPAddrPort(b)
		_, e := c.WriteToUDPAddrPort(b[:n], addr)
		return errors.Join(err, e)
	},
	"WriteMsgUDP": func(c *dsrudp.Conn, b []byte) error {
		n, _, _, addr, err := c.ReadMsgUDP(b, nil)
		_, _, e := c.WriteMsgUDP(b[:n], nil, addr)
		return errors.Join(err, e)
	},
}

// A k8Family is a family's VIPs behind the balancer, the kinds of sockets, and
// the largest payload.
type k8Family struct {
	name     string
	vips     []netip.Addr
	networks []string
	max      int
}

func k8Families(l *lab.Lab) []k8Family {
	return []k8Family{
		{"IPv4", l.VIPs4, []string{"udp4", "udp"}, 65507}, // 65535 less both headers
		{"IPv6", l.VIPs6, []string{"udp6", "udp"}, 65527}, // 65535 less the UDP header
	}
}

// K8.1: datagrams of any size make the round trip, the larger ones in
// fragments, each of which has the source. A larger one than there can be is
// EMSGSIZE.
func TestK8_1_Sizes(t *testing.T) {
	s, l := newSite(t, lab.Options{Balancer: lab.ECMP})
	wire := labtest.Capture(t, s.server, "eth0")
	b := make([]byte, 1<<16)
	for _, f := range k8Families(l) {
		s.vips = f.vips
		headers := 1<<16 - 1 - f.max
		if f.name == "IPv6" {
			headers += 40
		}
		whole := lab.MTU - headers // what fits into one packet
		for _, network := range f.networks {
			t.Run("bare/"+f.name+"/"+network, func(t *testing.T) {
				server := s.listen(t, network, netip.Addr{}, k8Freebind)
				client := s.dial(t, s.vips[1])
				for _, size := range []int{0, f.max} {
					_, err := client.Write(make([]byte, size))
					require.NoError(t, err)
					n, from, err := server.ReadFromUDPAddrPort(b)
					require.NoError(t, err)
					require.Equal(t, size, n)
					_, _, err = server.WriteMsgUDPAddrPort(b[:n], k8Source(s.vips[1]), from)
					require.NoError(t, err)
					n, err = client.Read(b)
					require.NoError(t, err)
					require.Equal(t, size, n)
					_, _, err = server.WriteMsgUDPAddrPort(b[:f.max+1], k8Source(s.vips[1]), from)
					require.ErrorIs(t, err, unix.EMSGSIZE)
				}
			})
			t.Run("dsrudp/"+f.name+"/"+network, func(t *testing.T) {
				c := s.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
				clients := s.dialAll(t)
				for _, size := range []int{0, 1, whole, whole + 1, 4000, f.max} {
					for name, echo := range k8Ways {
						for i, client := range clients {
							request := bytes.Repeat([]byte{byte(size), byte(i + 1), 3}, size/3+1)[:size]
							_, err := client.Write(request)
							require.NoError(t, err)
							require.NoError(t, echo(c, b), name)
							n, err := client.Read(b)
							require.NoError(t, err, "%d bytes by %s", size, name)
							require.True(t, bytes.Equal(request, b[:n]), "%d bytes by %s", size, name)
						}
					}
				}
				k8TooLong(t, c, s.vips, clients, f.max+1)
			})
		}
		// No fragment left from another address.
		fragments := 0
		for _, p := range wire.Packets() {
			if p.Outgoing && p.Src.Addr().Is4() == s.vips[0].Is4() {
				require.Contains(t, s.vips, p.Src.Addr(), "%v", p)
				if p.Kind == lab.Fragment {
					fragments++
				}
			}
		}
		require.Greater(t, fragments, 100)
	}
}

// k8TooLong requires that size bytes are EMSGSIZE by every way, and nothing else.
func k8TooLong(t *testing.T, c *dsrudp.Conn, vips []netip.Addr, clients []*net.UDPConn, size int) {
	t.Helper()
	long := make([]byte, size)
	for i, client := range clients {
		p := dsrudp.Path{Local: guardVIP(vips[i]), Remote: siteAddr(client.LocalAddr())}
		_, err := c.WriteToPath(long, p)
		require.ErrorIs(t, err, unix.EMSGSIZE)
		require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
		_, err = c.WriteToUDPAddrPort(long, p.Remote)
		require.ErrorIs(t, err, unix.EMSGSIZE)
		require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
		_, err = c.WriteToPath([]byte("short"), p)
		require.NoError(t, err)
		b := make([]byte, 16)
		n, err := client.Read(b)
		require.NoError(t, err)
		require.Equal(t, "short", string(b[:n]))
	}
	require.Zero(t, c.Stats().Refused)
}

// k8Source returns the control message that names a source of either family.
func k8Source(a netip.Addr) []byte {
	if a.Is4() {
		return info4{specDst: a}.oob()
	}
	return info6{addr: a}.oob()
}

// k8Freebind sets the option by its IPv4 name, which a socket of either family
// has.
var k8Freebind = bareOn(unix.IPPROTO_IP, unix.IP_FREEBIND)
