package facts_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A guardServer is one of the ways to come by a Conn that may send IPv6
// datagrams. All of them have IPV6_FREEBIND in the end, or are bound with it, so that
// the kernel lets anything out, and the guard is the library's.
type guardServer struct {
	name string
	vip  netip.Addr // that it is bound to; the zero Addr for the wildcard
	open func(t *testing.T, d *duo) *dsrudp.Conn
}

var guardServers = []guardServer{
	guardListen("udp6", netip.Addr{}),
	guardListen("udp", netip.Addr{}),
	guardListen("udp6", duoVIPs6[1]),
	guardListen("udp", duoVIPs6[1]),
	guardListen("udp6", duoRangeVIPs[1]),
	guardAdopt("adopted", "udp6", netip.Addr{}),
	guardAdopt("adopted with FREEBIND", "udp6", netip.Addr{}, bareFreebind),
	guardAdopt("adopted with FREEBIND", "udp", netip.Addr{}, bareFreebind),
	guardAdopt("adopted", "udp", netip.Addr{}),
	guardAdopt("adopted", "udp6", duoVIPs6[0], bareFreebind),
	guardAdopt("adopted", "udp", duoRangeVIPs[0], bareFreebind),
	guardElsewhere("udp6", netip.Addr{}),
	guardElsewhere("udp6", netip.Addr{}, bareFreebind),
	guardElsewhere("udp", duoVIPs6[0], bareFreebind),
}

func guardListen(network string, vip netip.Addr) guardServer {
	return guardServer{guardName("listening", network, vip), vip, func(t *testing.T, d *duo) *dsrudp.Conn {
		t.Helper()
		return d.listenDSR(t, dsrudp.ListenConfig{}, network, vip)
	}}
}

// guardAdopt adopts a socket of package net.
func guardAdopt(what, network string, vip netip.Addr, options ...bareOption) guardServer {
	return guardServer{guardName(what, network, vip), vip, func(t *testing.T, d *duo) *dsrudp.Conn {
		t.Helper()
		b := d.listen(t, network, vip, options...)
		var c *dsrudp.Conn
		require.NoError(t, d.server.Do(func() (err error) {
			c, err = dsrudp.NewConn(b.UDPConn)
			return err
		}))
		return siteConn(t, c)
	}}
}

// guardElsewhere adopts one on a thread that is in another network namespace
// than the socket.
func guardElsewhere(network string, vip netip.Addr, options ...bareOption) guardServer {
	what := fmt.Sprintf("adopted elsewhere with %d options", len(options))
	return guardServer{guardName(what, network, vip), vip, func(t *testing.T, d *duo) *dsrudp.Conn {
		t.Helper()
		return guardConn(t, d.listen(t, network, vip, options...).UDPConn)
	}}
}

func guardName(what, network string, vip netip.Addr) string {
	if !vip.IsValid() {
		return network + " " + what
	}
	return network + " " + what + " at " + vip.String()
}

// guardConn adopts a socket on the test's own thread.
func guardConn(t *testing.T, u *net.UDPConn) *dsrudp.Conn {
	t.Helper()
	c, err := dsrudp.NewConn(u)
	require.NoError(t, err)
	return siteConn(t, c)
}

// eachServer runs f for each kind of Conn, with those of the VIPs that reach it.
func (d *duo) eachServer(t *testing.T, f func(t *testing.T, c *dsrudp.Conn, vips []netip.Addr)) {
	t.Helper()
	for _, s := range guardServers {
		t.Run("dsrudp/"+s.name, func(t *testing.T) {
			vips := d.vips
			if s.vip.IsValid() {
				vips = []netip.Addr{s.vip}
			}
			f(t, s.open(t, d), vips)
		})
	}
}

// eachWildcard is eachServer for those that are bound to the wildcard.
func (d *duo) eachWildcard(t *testing.T, f func(t *testing.T, c *dsrudp.Conn)) {
	t.Helper()
	for _, s := range guardServers {
		if !s.vip.IsValid() {
			t.Run("dsrudp/"+s.name, func(t *testing.T) { f(t, s.open(t, d)) })
		}
	}
}

// guardCarriedMsg is the way of WriteMsgUDP without control messages of the
// caller's own.
var guardCarriedMsg = dsrWay{"WriteMsgUDP", func(c *dsrudp.Conn) (dsrRequest, error) {
	b := make([]byte, 2048)
	n, _, _, addr, err := c.ReadMsgUDP(b, nil)
	return dsrRequest{string(b[:n]), func(s string) error {
		_, _, err := c.WriteMsgUDP([]byte(s), nil, addr)
		return err
	}}, err
}}

// guardWays are all ways to answer.
var guardWays = append(slices.Clone(dsrWays), guardCarriedMsg)

// A guardSend is one of the ways to name a source of one's own making.
type guardSend struct {
	name string
	send func(c *dsrudp.Conn, payload string, src info6, to netip.AddrPort) error
}

var guardSends = []guardSend{
	{"WriteToPath", func(c *dsrudp.Conn, payload string, src info6, to netip.AddrPort) error {
		local := src.addr
		if src.ifindex != 0 && !local.Is4In6() {
			local = local.WithZone(strconv.Itoa(src.ifindex))
		}
		_, err := c.WriteToPath([]byte(payload), dsrudp.Path{Local: netip.AddrPortFrom(local, 0), Remote: to})
		return err
	}},
	{"WriteMsgUDP", func(c *dsrudp.Conn, payload string, src info6, to netip.AddrPort) error {
		_, _, err := c.WriteMsgUDP([]byte(payload), src.oob(), net.UDPAddrFromAddrPort(to))
		return err
	}},
	{"WriteMsgUDPAddrPort", func(c *dsrudp.Conn, payload string, src info6, to netip.AddrPort) error {
		_, _, err := c.WriteMsgUDPAddrPort([]byte(payload), src.oob(), to)
		return err
	}},
	{"WriteMsgUDP of RFC 2292", func(c *dsrudp.Conn, payload string, src info6, to netip.AddrPort) error {
		_, _, err := c.WriteMsgUDP([]byte(payload), src.oob2292(), net.UDPAddrFromAddrPort(to))
		return err
	}},
}

// oob2292 is oob under the number that the option had in RFC 2292. The kernel
// still takes it.
func (i info6) oob2292() []byte {
	return bareMessage(unix.IPPROTO_IPV6, unix.IPV6_2292PKTINFO, i.oob()[unix.CmsgLen(0):unix.CmsgLen(unix.SizeofInet6Pktinfo)])
}

// guardRefuses requires that no way of naming src as the source makes a
// datagram leave any kind of Conn, whether the library or the kernel refuses
// it, and that the Conn is none the worse for it.
func (d *duo) guardRefuses(t *testing.T, src info6) {
	t.Helper()
	d.eachServer(t, func(t *testing.T, c *dsrudp.Conn, vips []netip.Addr) {
		to := d.unheard(t)
		var bad []string
		for _, w := range guardSends {
			bad = append(bad, duoPayload("never to leave, by "+w.name))
			refused := c.Stats().Refused
			dsrNotLocal(t, w.send(c, bad[len(bad)-1], src, to))
			require.Equal(t, refused+1, c.Stats().Refused, w.name)
		}
		d.requireSilence(t, bad...)
		d.requireAnswered(t, c, dsrPacket, d.dialVIPs(t, vips)...)
	})
}

// guardBare requires that a socket of package net refuses src with errno, and
// with IPV6_FREEBIND lets it out onto the wire.
func (d *duo) guardBare(t *testing.T, src info6, errno error) {
	t.Helper()
	for _, network := range []string{"udp6", "udp"} {
		t.Run("bare/"+network, func(t *testing.T) {
			b, to := d.listen(t, network, netip.Addr{}), d.unheard(t)
			for _, oob := range [][]byte{src.oob(), src.oob2292()} {
				payload := duoPayload("refused")
				_, _, err := b.WriteMsgUDPAddrPort([]byte(payload), oob, to)
				require.ErrorIs(t, err, errno)
				d.requireSilence(t, payload)

				b.set(bareFreebind)
				payload = duoPayload("spoofed")
				_, _, err = b.WriteMsgUDPAddrPort([]byte(payload), oob, to)
				require.NoError(t, err)
				d.requireSentFrom(t, payload, src.addr)
				b.set(bareOff(unix.IPPROTO_IPV6, unix.IPV6_FREEBIND))
			}
		})
	}
}

// dialVIPs returns a client for each of the VIPs.
func (d *duo) dialVIPs(t *testing.T, vips []netip.Addr) []*net.UDPConn {
	t.Helper()
	var cs []*net.UDPConn
	for _, v := range vips {
		cs = append(cs, d.dial(t, v))
	}
	return cs
}

// guardVIP is the address and port of a VIP.
func guardVIP(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, lab.Port) }
