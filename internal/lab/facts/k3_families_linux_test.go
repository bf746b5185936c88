package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// K3.3: an answer to an IPv4 client takes its source from a control message of
// either kind, but not from a native IPv6 address.
func TestK3_3_AnswerToMappedPeer(t *testing.T) {
	s := newDualSite(t)
	t.Run("bare", func(t *testing.T) {
		b := s.listen(t, "udp", netip.Addr{})
		for i, vip := range s.vips {
			client := s.dial(t, vip)
			s.ask(t, client)
			r := b.receive()
			s.requireAccepted(t, client, b.answer(r, info4{specDst: vip}.oob()))
			s.requireAccepted(t, client, b.answer(r, info6{addr: info6Mapped(vip)}.oob()))
			_, err := b.tryAnswer(r, info6{addr: s.vips6[i]}.oob())
			require.ErrorIs(t, err, unix.EINVAL)
		}
	})
	s.eachDual(t, func(t *testing.T, c *dsrudp.Conn, w dsrWay) {
		// Both families at once.
		s.requireAnswered(t, c, w, append(s.dialAll(t), s.dial(t, s.vips6[0]), s.dial(t, s.vips6[1]))...)
	})
	t.Run("dsrudp/control messages", func(t *testing.T) {
		c := s.listenDSR(t, dsrudp.ListenConfig{}, "udp", netip.Addr{})
		for i, vip := range s.vips {
			client := s.dial(t, vip)
			s.ask(t, client)
			_, p, err := c.ReadFromPath(make([]byte, 2048))
			require.NoError(t, err)
			send := func(payload string, oob []byte) error {
				_, _, err := c.WriteMsgUDPAddrPort([]byte(payload), oob, p.Remote)
				return err
			}
			dsrNotLocal(t, send("IPv6", info6{addr: s.vips6[i]}.oob()))
			_, err = c.WriteToPath([]byte("IPv6"), dsrudp.Path{Local: netip.AddrPortFrom(s.vips6[i], 0), Remote: p.Remote})
			dsrNotLocal(t, err)
			require.NoError(t, send("IPv4", info4{specDst: vip}.oob()))
			s.requireAccepted(t, client, "IPv4")
			require.NoError(t, send("mapped", info6{addr: info6Mapped(vip)}.oob()))
			s.requireAccepted(t, client, "mapped")
		}
	})
}

// K3.4: a control message of the other family is not looked at, and the answer
// leaves from the wrong address.
func TestK3_4_WrongFamilyIgnored(t *testing.T) {
	s := newDualSite(t)
	t.Run("bare/IP_PKTINFO to IPv6", func(t *testing.T) {
		b := s.listen(t, "udp", netip.Addr{}, bareFreeBind)
		for i, vip := range s.vips6 {
			client := s.dial(t, vip)
			s.ask(t, client)
			r := b.receive()
			s.requireRejected(t, client, b.answer(r, info4{specDst: s.vips[i]}.oob()), s.own6)
			s.requireAccepted(t, client, b.answer(r, info6{addr: vip}.oob()))
		}
	})
	t.Run("bare/IPV6_PKTINFO on AF_INET", func(t *testing.T) {
		b := s.listen(t, "udp4", netip.Addr{})
		for i, vip := range s.vips {
			client := s.dial(t, vip)
			s.ask(t, client)
			r := b.receive()
			s.requireRejected(t, client, b.answer(r, info6{addr: info6Mapped(vip)}.oob()), s.own)
			s.requireRejected(t, client, b.answer(r, info6{addr: s.vips6[i]}.oob()), s.own)
			s.requireAccepted(t, client, b.answer(r, info4{specDst: vip}.oob()))
		}
	})

	onWire := labtest.Capture(t, s.server, "eth0")
	// refused requires that dsrudp sends nothing to a client of the VIP from an address of
	// the other family, by control message or Path.
	refused := func(t *testing.T, c *dsrudp.Conn, vip netip.Addr, other netip.Addr, oob []byte) {
		client := s.dial(t, vip)
		s.ask(t, client)
		_, p, err := c.ReadFromPath(make([]byte, 2048))
		require.NoError(t, err)
		_, _, err = c.WriteMsgUDPAddrPort([]byte(t.Name()), oob, p.Remote)
		dsrNotLocal(t, err)
		_, err = c.WriteToPath([]byte(t.Name()), dsrudp.Path{Local: netip.AddrPortFrom(other, lab.Port), Remote: p.Remote})
		dsrNotLocal(t, err)
		right := "right: " + t.Name() + vip.String()
		_, err = c.WriteToPath([]byte(right), p)
		require.NoError(t, err)
		s.requireAccepted(t, client, right)
		siteNotSent(t, onWire, t.Name(), right)
	}
	t.Run("dsrudp/IP_PKTINFO to IPv6", func(t *testing.T) {
		c := s.listenDSR(t, dsrudp.ListenConfig{}, "udp", netip.Addr{})
		for i, vip := range s.vips6 {
			refused(t, c, vip, s.vips[i], info4{specDst: s.vips[i]}.oob())
		}
	})
	t.Run("dsrudp/IPV6_PKTINFO on AF_INET", func(t *testing.T) {
		c := s.listenDSR(t, dsrudp.ListenConfig{}, "udp4", netip.Addr{})
		for i, vip := range s.vips {
			refused(t, c, vip, s.vips6[i], info6{addr: s.vips6[i]}.oob())

			// A mapped address is the IPv4 address, in the wrong message:
			// it is put into the right one.
			client := s.dial(t, vip)
			s.ask(t, client)
			_, from, err := c.ReadFromUDPAddrPort(make([]byte, 2048))
			require.NoError(t, err)
			_, _, err = c.WriteMsgUDPAddrPort([]byte("mapped"), info6{addr: info6Mapped(vip)}.oob(), from)
			require.NoError(t, err)
			s.requireAccepted(t, client, "mapped")
		}
	})
}
