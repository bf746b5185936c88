package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A dualSite is a site whose clients ask through two VIPs of each family, and
// whose servers listen with one socket for both.
type dualSite struct {
	*site
	vips6 []netip.Addr
	own6  netip.Addr // as own
}

func newDualSite(t *testing.T) *dualSite {
	t.Helper()
	s, l := newSite(t, lab.Options{})
	require.NoError(t, s.client.Sysctl("net.ipv6.icmp.ratelimit", "0"))
	return &dualSite{s, l.VIPs6, l.Backends[0].Internal6}
}

// eachDual runs f for a dual-stack socket of dsrudp and for every way.
func (s *dualSite) eachDual(t *testing.T, f func(t *testing.T, c *dsrudp.Conn, w dsrWay)) {
	t.Helper()
	for _, w := range dsrWays {
		t.Run("dsrudp/"+w.name, func(t *testing.T) {
			f(t, s.listenDSR(t, dsrudp.ListenConfig{}, "udp", netip.Addr{}), w)
		})
	}
}

// The types of the two control messages.
var (
	type4 = [2]int32{unix.IPPROTO_IP, unix.IP_PKTINFO}
	type6 = [2]int32{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO}
)

// K3.1: with IPV6_RECVPKTINFO alone an IPv4 datagram carries one IPV6_PKTINFO,
// which has what the header has: of a group, the group's address.
func TestK3_1_IPv6OptionAlone(t *testing.T) {
	t.Run("VIP", func(t *testing.T) {
		s, _ := newSite(t, lab.Options{})
		b := s.listen(t, "udp", netip.Addr{}, barePktinfo6)
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			s.ask(t, client)
			r := b.receive()
			require.Equal(t, [][2]int32{type6}, r.types)
			require.Equal(t, &info6{addr: info6Mapped(vip), ifindex: siteIndex(t, s.server, "eth0")}, r.v6)
			s.requireAccepted(t, client, b.answer(r, info6{addr: r.v6.addr}.oob()))
		}
		// A socket that was made so is adopted, and completed.
		c, err := dsrudp.NewConn(b.UDPConn)
		require.NoError(t, err)
		for _, w := range dsrWays {
			s.requireAnswered(t, c, w, s.dialAll(t)...)
		}
	})
	t.Run("group", func(t *testing.T) {
		s := newGroupSite(t, false)
		b := s.listen(t, "udp", netip.Addr{}, barePktinfo6, s.join(t))
		for _, group := range groups4 {
			s.ask(t, group)
			r := b.receive()
			require.Equal(t, [][2]int32{type6}, r.types)
			require.Equal(t, &info6{addr: info6Mapped(group), ifindex: siteIndex(t, s.server, "eth0")}, r.v6)
			_, err := b.tryAnswer(r, info6{addr: r.v6.addr}.oob())
			bareFails(t, err, badSource...)
		}
		c, err := dsrudp.NewConn(b.UDPConn)
		require.NoError(t, err)
		for _, w := range dsrWays {
			for _, group := range groups4 {
				s.ask(t, group)
				r, err := w.receive(c)
				require.NoError(t, err)
				answer := w.name + "'s answer to " + r.payload
				require.NoError(t, r.answer(answer))
				s.requireAnswer(t, answer)
			}
		}
	})
}

// K3.2: with both options an IPv4 datagram carries two control messages, of 72
// bytes together.
func TestK3_2_BothOptions(t *testing.T) {
	s := newDualSite(t)
	b := s.listen(t, "udp", netip.Addr{}, barePktinfo4, barePktinfo6)
	for i, vip := range s.vips {
		s.ask(t, s.dial(t, vip))
		r := b.receive()
		require.Equal(t, [][2]int32{type6, type4}, r.types)
		require.Len(t, r.oob, 72)
		require.Equal(t, vip, r.v4.specDst)
		require.Equal(t, info6Mapped(vip), r.v6.addr)

		s.ask(t, s.dial(t, s.vips6[i]))
		r = b.receive()
		require.Equal(t, [][2]int32{type6}, r.types)
		require.Len(t, r.oob, 40)
		require.Equal(t, s.vips6[i], r.v6.addr)
	}
	require.NoError(t, b.Close())

	// A caller gets the same control messages from dsrudp, or what fits.
	for _, size := range []int{512, 72, 40, 20, 0} {
		c := s.listenDSR(t, dsrudp.ListenConfig{}, "udp", netip.Addr{})
		for _, vip := range append(s.vips, s.vips6...) {
			client := s.dial(t, vip)
			s.ask(t, client)
			want := 72
			if vip.Is6() {
				want = 40
			}
			oob := make([]byte, size)
			_, oobn, flags, from, err := c.ReadMsgUDP(make([]byte, 2048), oob)
			require.NoError(t, err)
			if size >= want {
				require.Equal(t, want, oobn)
				require.Zero(t, flags)
			} else {
				require.LessOrEqual(t, oobn, size)
				require.Equal(t, size > 0, flags&unix.MSG_CTRUNC != 0)
			}
			// What was cut for the caller was not for dsrudp.
			_, err = c.WriteToUDP([]byte("answer"), from)
			require.NoError(t, err)
			s.requireAccepted(t, client, "answer")
		}
		require.NoError(t, c.Close())
	}
}

// K3.5: an AF_INET socket has no IPV6_RECVPKTINFO, so that the socket itself has
// to be asked what it is.
func TestK3_5_IPv6OptionOnIPv4Socket(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	b := s.listen(t, "udp4", netip.Addr{})
	raw, err := b.SyscallConn()
	require.NoError(t, err)
	require.ErrorIs(t, bareControl(barePktinfo6)("", "", raw), unix.ENOPROTOOPT)

	// It has all it needs in one control message of 32 bytes.
	c, err := dsrudp.NewConn(b.UDPConn)
	require.NoError(t, err)
	require.Equal(t, 1, bareGetsockopt(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO))
	s.ask(t, s.dial(t, s.vips[0]))
	_, oobn, _, _, err := c.ReadMsgUDPAddrPort(make([]byte, 2048), make([]byte, 512))
	require.NoError(t, err)
	require.Equal(t, 32, oobn)
	for _, w := range dsrWays {
		s.requireAnswered(t, c, w, s.dialAll(t)...)
	}
}
