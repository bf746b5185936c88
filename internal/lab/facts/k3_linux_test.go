package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// K3.1: with IPV6_RECVPKTINFO alone an IPv4 datagram carries one IPV6_PKTINFO,
// which has what the header has: of a group, the group's address.
func TestK3_1_IPv6OptionAlone(t *testing.T) {
	t.Run("VIP", func(t *testing.T) {
		s, _ := newSite(t, lab.Options{})
		b := s.listen(t, "udp", netip.Addr{}, pktinfo6)
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			r := b.asked(client)
			require.Equal(t, [][2]int32{type6}, r.types)
			require.Equal(t, &info6{mapped(vip), index(t, s.server, dev)}, r.v6)
			requireAccepted(t, client, b.answer(r, source(r.v6.addr)))
		}
		// A socket that was made so is adopted, and completed.
		c := adopt(t, b.UDPConn)
		for _, w := range ways {
			s.requireAnswered(t, c, w, s.dialAll(t, s.vips...)...)
		}
	})
	t.Run("group", func(t *testing.T) {
		s := newGroupSite(t, false)
		b := s.listen(t, "udp", netip.Addr{}, pktinfo6, s.join(t))
		for _, group := range groups4 {
			s.ask(t, group)
			r := b.receive()
			require.Equal(t, [][2]int32{type6}, r.types)
			require.Equal(t, &info6{mapped(group), index(t, s.server, dev)}, r.v6)
			_, err := b.tryAnswer(r, source(r.v6.addr))
			requireErrno(t, err, badSource...)
		}
		s.requireAnswered(t, adopt(t, b.UDPConn), groups4...)
	})
}

// K3.2: with both options an IPv4 datagram carries two control messages, of 72
// bytes together. (A caller gets the same from dsrudp: K5.2.)
func TestK3_2_BothOptions(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	b := s.listen(t, "udp", netip.Addr{}, pktinfo4, pktinfo6)
	for i, vip := range s.vips {
		r := b.asked(s.dial(t, vip))
		require.Equal(t, [][2]int32{type6, type4}, r.types)
		require.Len(t, r.oob, 72)
		require.Equal(t, vip, r.v4.specDst)
		require.Equal(t, mapped(vip), r.v6.addr)

		r = b.asked(s.dial(t, s.vips6[i]))
		require.Equal(t, [][2]int32{type6}, r.types)
		require.Len(t, r.oob, 40)
		require.Equal(t, s.vips6[i], r.v6.addr)
	}
}

// K3.3: an answer to an IPv4 client takes its source from a control message of
// either kind, but not from a native IPv6 address.
func TestK3_3_AnswerToMappedPeer(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	t.Run("bare", func(t *testing.T) {
		b := s.listen(t, "udp", netip.Addr{})
		for i, vip := range s.vips {
			client := s.dial(t, vip)
			r := b.asked(client)
			requireAccepted(t, client, b.answer(r, source(vip)))
			requireAccepted(t, client, b.answer(r, source(mapped(vip))))
			_, err := b.tryAnswer(r, source(s.vips6[i]))
			require.ErrorIs(t, err, unix.EINVAL)
		}
	})
	t.Run("dsrudp", func(t *testing.T) {
		c := s.wildcard(t, "udp")
		for _, w := range ways { // both families at once
			s.requireAnswered(t, c, w, s.dialAll(t, append(s.vips, s.vips6...)...)...)
		}
		for i, vip := range s.vips {
			client := s.dial(t, vip)
			to := s.path(t, c, client).Remote
			s.requireRefused(t, c, s.vips6[i], to, sends...)
			s.requireSends(t, c, vip, to, sends...)
			for range sends {
				read(t, client)
			}
			require.NoError(t, sends[1].send(c, "mapped", mapped(vip), to))
			requireAccepted(t, client, "mapped")
		}
	})
}

// K3.4: a control message of the other family is not looked at, and the answer
// leaves from the wrong address. From dsrudp nothing leaves.
func TestK3_4_WrongFamilyIgnored(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	t.Run("bare/IP_PKTINFO to IPv6", func(t *testing.T) {
		b := s.listen(t, "udp", netip.Addr{}, freebind)
		for i, vip := range s.vips6 {
			client := s.dial(t, vip)
			r := b.asked(client)
			s.requireRejected(t, client, b.answer(r, source(s.vips[i])), s.own6)
			requireAccepted(t, client, b.answer(r, source(vip)))
		}
	})
	t.Run("bare/IPV6_PKTINFO on AF_INET", func(t *testing.T) {
		b := s.listen(t, "udp4", netip.Addr{})
		for i, vip := range s.vips {
			client := s.dial(t, vip)
			r := b.asked(client)
			s.requireRejected(t, client, b.answer(r, source(mapped(vip))), s.own)
			s.requireRejected(t, client, b.answer(r, source(s.vips6[i])), s.own)
			requireAccepted(t, client, b.answer(r, source(vip)))
		}
	})
	for name, tc := range map[string]struct {
		network     string
		vips, other []netip.Addr
	}{
		"IP_PKTINFO to IPv6":      {"udp", s.vips6, s.vips},
		"IPV6_PKTINFO on AF_INET": {"udp4", s.vips, s.vips6},
	} {
		t.Run("dsrudp/"+name, func(t *testing.T) {
			c := s.wildcard(t, tc.network)
			for i, vip := range tc.vips {
				client := s.dial(t, vip)
				to := s.path(t, c, client).Remote
				s.requireRefused(t, c, tc.other[i], to, sends...)
				if vip.Is4() {
					// A mapped address is the IPv4 address, in the wrong message:
					// it is put into the right one.
					require.NoError(t, sends[2].send(c, "mapped", mapped(vip), to))
					requireAccepted(t, client, "mapped")
				}
				s.requireAnswered(t, c, byPath, client)
			}
		})
	}
}

// K3.5: an AF_INET socket has no IPV6_RECVPKTINFO, so that the socket itself has
// to be asked what it is.
func TestK3_5_IPv6OptionOnIPv4Socket(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	b := s.listen(t, "udp4", netip.Addr{})
	raw, err := b.SyscallConn()
	require.NoError(t, err)
	require.ErrorIs(t, control(pktinfo6)("", "", raw), unix.ENOPROTOOPT)

	// It has all it needs in one control message of 32 bytes.
	c := adopt(t, b.UDPConn)
	require.Equal(t, 1, get(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO))
	s.ask(t, s.dial(t, s.vips[0]))
	_, oobn, _, _, err := c.ReadMsgUDPAddrPort(make([]byte, 2048), make([]byte, 512))
	require.NoError(t, err)
	require.Equal(t, 32, oobn)
	for _, w := range ways {
		s.requireAnswered(t, c, w, s.dialAll(t, s.vips...)...)
	}
}

// What a socket takes is decided by IPV6_V6ONLY as the caller's Control leaves
// it, and not by the network's name.
func TestK13_FamilyAfterControl(t *testing.T) {
	s := newCable(t)
	t.Run("udp6 made dual-stack", func(t *testing.T) {
		lc := dsrudp.ListenConfig{Control: control(off(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY))}
		c := s.conn(t, lc, "udp6", netip.Addr{})
		require.NotZero(t, get(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO))
		for _, w := range ways {
			s.requireAnswered(t, c, w, s.dialAll(t, append(s.vips, vips4...)...)...)
		}
		require.Zero(t, c.Stats().LostPath)
	})
	t.Run("udp made IPv6 only", func(t *testing.T) {
		lc := dsrudp.ListenConfig{Control: control(on(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY))}
		c := s.conn(t, lc, "udp", netip.Addr{})
		require.Zero(t, get(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO), "no more options than the family needs")
		for _, w := range ways {
			s.requireAnswered(t, c, w, s.dialAll(t, s.vips...)...)
		}
		client := s.dial(t, vips4[0])
		s.ask(t, client)
		_, err := client.Read(make([]byte, 16))
		require.ErrorIs(t, err, unix.ECONNREFUSED)

		// To an IPv4 peer the kernel does not send, as it would not for net.
		to := addrPort(client.LocalAddr())
		_, err = c.WriteToUDPAddrPort([]byte("x"), to)
		require.ErrorIs(t, err, unix.ENETUNREACH)
		require.Error(t, sends[0].send(c, "x", vips4[0], to))
		require.NoError(t, c.Close())
		_, err = s.listen(t, "udp6", netip.Addr{}).WriteToUDPAddrPort([]byte("x"), to)
		require.ErrorIs(t, err, unix.ENETUNREACH)
	})
}

// net binds the wildcard where a group is asked for, so that such a socket
// receives for VIPs too, and is not bound to the one address it was given.
func TestK13_GroupIsBoundAsWildcard(t *testing.T) {
	s := newCable(t)
	for _, tc := range []struct {
		network, group string
		vips           []netip.Addr
	}{
		{"udp4", "224.0.0.251", vips4},
		{"udp", "224.0.0.251", vips4},
		{"udp6", "ff02::fb", s.vips},
		{"udp", "ff02::fb", s.vips},
	} {
		t.Run(tc.network+"/"+tc.group, func(t *testing.T) {
			group := netip.MustParseAddr(tc.group)
			b := s.listen(t, tc.network, group)
			require.True(t, addrPort(b.LocalAddr()).Addr().IsUnspecified())
			require.NoError(t, b.Close())
			c := s.conn(t, dsrudp.ListenConfig{}, tc.network, group)
			require.True(t, addrPort(c.LocalAddr()).Addr().IsUnspecified())
			for _, w := range ways {
				s.requireAnswered(t, c, w, s.dialAll(t, tc.vips...)...)
			}
		})
	}
}
