package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

var k2Loopback = netip.IPv6Loopback()

// K2.8: the kernel lets ::1 out onto the wire as a source, which no host on it
// can answer (RFC 4291, section 2.5.3).
func TestK2_8_LoopbackToRemotePeer(t *testing.T) {
	d := newDuo(t)
	for _, network := range k2Networks {
		for name, options := range k2Options {
			t.Run("bare/"+network+"/"+name, func(t *testing.T) {
				b, payload := d.listen(t, network, netip.Addr{}, options...), duoPayload("leaked")
				_, _, err := b.WriteMsgUDPAddrPort([]byte(payload), info6{addr: k2Loopback}.oob(), d.unheard(t))
				require.NoError(t, err)
				d.requireSentFrom(t, payload, k2Loopback)
			})
		}
	}
	t.Run("bare/bound", func(t *testing.T) {
		b, payload := d.listen(t, "udp6", k2Loopback), duoPayload("leaked")
		_, err := b.WriteToUDPAddrPort([]byte(payload), d.unheard(t))
		require.NoError(t, err)
		d.requireSentFrom(t, payload, k2Loopback)
	})
	d.guardRefuses(t, info6{addr: k2Loopback})
	for _, s := range []guardServer{guardListen("udp6", k2Loopback), guardElsewhere("udp6", k2Loopback)} {
		t.Run("dsrudp/"+s.name, func(t *testing.T) {
			c, to := s.open(t, d), d.unheard(t)
			bad := []string{duoPayload("by WriteToUDPAddrPort"), duoPayload("by WriteTo")}
			_, err := c.WriteToUDPAddrPort([]byte(bad[0]), to)
			dsrNotLocal(t, err)
			_, err = c.WriteTo([]byte(bad[1]), net.UDPAddrFromAddrPort(to))
			dsrNotLocal(t, err)
			d.requireSilence(t, bad...)
		})
	}
}

// On the host itself ::1 is a source like any other: for a client on ::1, on a
// global address of the host, and on a VIP.
func TestK2_8_LoopbackToLocalPeer(t *testing.T) {
	d := newDuo(t)
	dial := func(t *testing.T) []*net.UDPConn {
		var cs []*net.UDPConn
		for _, from := range []netip.Addr{k2Loopback, duoServer6} {
			cs = append(cs, duoDial(t, d.server, netip.AddrPortFrom(from, 0), guardVIP(k2Loopback)))
		}
		return append(cs, duoDial(t, d.server, netip.AddrPort{}, guardVIP(duoVIPs6[0])))
	}
	d.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		for _, w := range guardWays {
			d.requireAnswered(t, c, w, dial(t)...)
		}
	})
	// To no address at all, which the kernel takes for the host itself.
	t.Run("bound, to the unspecified address", func(t *testing.T) {
		to := &net.UDPAddr{Port: lab.Port}
		b := d.listen(t, "udp6", k2Loopback)
		_, err := b.WriteToUDP([]byte("bare"), to)
		require.NoError(t, err)
		require.Equal(t, "bare", b.receive().payload)
		require.NoError(t, b.Close())

		c := d.listenDSR(t, dsrudp.ListenConfig{}, "udp6", k2Loopback)
		_, err = c.WriteToUDP([]byte("dsrudp"), to)
		require.NoError(t, err)
		payload := make([]byte, 2048)
		n, _, err := c.ReadFrom(payload)
		require.NoError(t, err)
		require.Equal(t, "dsrudp", string(payload[:n]))
	})
}

// K2.9: an IPv4 source cannot go to an IPv6 peer, in whatever form. (The kernel
// ignores it in silence in an IPv4 message: K3.4.)
func TestK2_9_MappedSourceToV6Peer(t *testing.T) {
	d := newDuo(t)
	mapped := info6{addr: info6Mapped(duoVIPs4[0])}
	for _, network := range k2Networks {
		t.Run("bare/"+network, func(t *testing.T) {
			b, to := d.listen(t, network, netip.Addr{}), d.unheard(t)
			payload := duoPayload("refused")
			_, _, err := b.WriteMsgUDPAddrPort([]byte(payload), mapped.oob(), to)
			require.ErrorIs(t, err, unix.EINVAL)
			b.set(bareFreebind)
			_, _, err = b.WriteMsgUDPAddrPort([]byte(payload), mapped.oob(), to)
			require.ErrorIs(t, err, unix.EAFNOSUPPORT)
			d.requireSilence(t, payload)
		})
	}
	d.guardRefuses(t, mapped)
}
