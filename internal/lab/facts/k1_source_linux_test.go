package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// eachBare runs f for sockets of both kinds, made with the options.
func (s *site) eachBare(t *testing.T, f func(t *testing.T, b *bareServer), options ...bareOption) {
	t.Helper()
	for _, network := range bareNetworks {
		t.Run("bare/"+network, func(t *testing.T) {
			f(t, s.listen(t, network, netip.Addr{}, options...))
		})
	}
}

// K1.1: sendto leaves from the machine's own address. This is what dsrudp is
// for.
func TestK1_1_SendtoLeavesFromOwnAddress(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	s.eachBare(t, func(t *testing.T, b *bareServer) {
		onWire := labtest.Capture(t, s.server, "eth0")
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			s.ask(t, client)
			answer := b.answer(b.receive(), nil)
			require.Equal(t, l.Backends[0].Internal4, siteSent(t, onWire, answer).Src.Addr())
			s.requireRejected(t, client, answer, s.own)

			// Nothing is wrong with the client: it takes the right answer.
			s.ask(t, client)
			s.requireAccepted(t, client, b.answer(b.receive(), info4{specDst: vip}.oob()))
		}
	})
	t.Run("bare/unconnected client", func(t *testing.T) {
		b := s.listen(t, "udp4", netip.Addr{})
		var client *net.UDPConn
		require.NoError(t, s.client.Do(func() (err error) {
			client, err = net.ListenUDP("udp4", &net.UDPAddr{})
			return err
		}))
		siteConn(t, client)
		_, err := client.WriteToUDPAddrPort([]byte("unconnected"), netip.AddrPortFrom(s.vips[0], lab.Port))
		require.NoError(t, err)
		answer := b.answer(b.receive(), nil)
		got := make([]byte, 2048)
		n, from, err := client.ReadFromUDPAddrPort(got)
		require.NoError(t, err)
		require.Equal(t, answer, string(got[:n]), "it takes answers from anywhere, and so proves nothing")
		require.Equal(t, netip.AddrPortFrom(s.own, lab.Port), from)
	})
	s.requireDSR(t)
}

// K1.2: a source and no interface is right, and needs no privilege.
func TestK1_2_SourceWithoutPrivilege(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	s.eachBare(t, func(t *testing.T, b *bareServer) {
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			s.ask(t, client)
			r := b.receive()
			var answer string
			s.unprivileged(t, func() { answer = b.answer(r, info4{specDst: vip}.oob()) })
			s.requireAccepted(t, client, answer)
		}
	})
	s.requireDSR(t)
	for _, network := range bareNetworks {
		for _, w := range dsrWays {
			t.Run("dsrudp/unprivileged/"+network+"/"+w.name, func(t *testing.T) {
				clients := s.dialAll(t)
				s.unprivileged(t, func() {
					lc := dsrudp.ListenConfig{}
					c, err := lc.ListenPacket(t.Context(), network, siteAddress(netip.Addr{}))
					require.NoError(t, err)
					s.requireAnswered(t, siteConn(t, c), w, clients...)
				})
			})
		}
	}
}

// unprivileged runs f on the server, without any capability.
func (s *site) unprivileged(t *testing.T, f func()) {
	t.Helper()
	require.NoError(t, s.server.Do(func() error {
		h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&h, &none[0]); err != nil { // of this thread, which ends with Do
			return err
		}
		f()
		return nil
	}))
}

// K1.3: ipi_addr is what is received, and not looked at when sending.
func TestK1_3_HeaderDestinationIsNoSource(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	s.eachBare(t, func(t *testing.T, b *bareServer) {
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			s.ask(t, client)
			r := b.receive()
			require.Equal(t, vip, r.v4.addr)
			s.requireRejected(t, client, b.answer(r, info4{addr: r.v4.addr}.oob()), s.own)
			s.requireAccepted(t, client, b.answer(r, info4{specDst: r.v4.specDst}.oob()))
		}
	}, barePktinfo4)
	s.requireDSR(t)
	for _, network := range bareNetworks {
		t.Run("dsrudp/"+network+"/ipi_addr handed back", func(t *testing.T) {
			c := s.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
			for _, vip := range s.vips {
				client := s.dial(t, vip)
				s.ask(t, client)
				_, from, err := c.ReadFromUDPAddrPort(make([]byte, 2048))
				require.NoError(t, err)
				_, _, err = c.WriteMsgUDPAddrPort([]byte("by ipi_addr"), info4{addr: vip}.oob(), from)
				require.NoError(t, err)
				s.requireAccepted(t, client, "by ipi_addr")

				// An address that is not the host's stays one.
				_, _, err = c.WriteMsgUDPAddrPort([]byte("by ipi_addr"), info4{addr: netip.MustParseAddr("10.128.0.255")}.oob(), from)
				require.ErrorIs(t, err, dsrudp.ErrNoPath)
			}
		})
	}
}

// K1.4: control messages handed back as they came are right where the way back
// is the way of the request.
func TestK1_4_EchoOnSymmetricRoute(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	s.eachBare(t, func(t *testing.T, b *bareServer) {
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			s.ask(t, client)
			r := b.receive()
			require.Equal(t, &info4{ifindex: siteIndex(t, s.server, "eth0"), specDst: vip, addr: vip}, r.v4)
			s.requireAccepted(t, client, b.answer(r, r.oob))
		}
	}, barePktinfo4)
	s.requireDSR(t)
}
