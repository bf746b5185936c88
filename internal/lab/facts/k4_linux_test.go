package facts_test

import (
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// K4.1: a socket bound to the VIP needs no control message, and one without a
// source overrides what it is bound to.
func TestK4_1_BoundToVIP(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	eth0 := siteIndex(t, s.server, "eth0")
	t.Run("bare", func(t *testing.T) {
		for _, vip := range s.vips {
			b := s.listen(t, "udp4", vip)
			client := s.dial(t, vip)
			s.ask(t, client)
			r := b.receive()
			s.requireRejected(t, client, b.answer(r, info4{}.oob()), s.own)
			s.requireRejected(t, client, b.answer(r, info4{ifindex: eth0}.oob()), s.own)
			s.requireAccepted(t, client, b.answer(r, nil))
			s.requireAccepted(t, client, b.answer(r, info4{specDst: vip}.oob()))
		}
	})
	t.Run("dsrudp", func(t *testing.T) {
		var conns []*dsrudp.Conn // of both VIPs at once
		for _, vip := range s.vips {
			conns = append(conns, s.listenDSR(t, dsrudp.ListenConfig{}, "udp", vip))
		}
		for i, c := range conns {
			vip, client := s.vips[i], s.dial(t, s.vips[i])
			require.Zero(t, bareGetsockopt(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO))
			for _, w := range dsrWays {
				s.requireAnswered(t, c, w, client, s.dial(t, vip))
			}
			s.ask(t, client)
			_, p, err := c.ReadFromPath(make([]byte, 2048))
			require.NoError(t, err)
			require.Equal(t, dsrudp.Path{Local: netip.AddrPortFrom(vip, lab.Port), Remote: siteAddr(client.LocalAddr())}, p)
			for _, oob := range [][]byte{info4{}.oob(), info4{ifindex: eth0}.oob()} {
				answer := "answer " + strconv.Itoa(len(oob))
				_, _, err = c.WriteMsgUDPAddrPort([]byte(answer), oob, p.Remote)
				require.NoError(t, err)
				s.requireAccepted(t, client, answer)
			}
		}
	})
}

// One that was bound elsewhere is adopted as it is.
func TestK4_1_BoundAndAdopted(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	for _, vip := range s.vips {
		c, err := dsrudp.NewConn(s.listen(t, "udp4", vip).UDPConn)
		require.NoError(t, err)
		for _, w := range dsrWays {
			s.requireAnswered(t, c, w, s.dial(t, vip), s.dial(t, vip))
		}
	}
}

// K4.4: to set the option after bind leaves a window, in which datagrams are queued
// without (K1.12). dsrudp sets it before.
func TestK4_4_OptionBeforeBind(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	for _, network := range bareNetworks {
		t.Run("bare/"+network, func(t *testing.T) {
			b := s.listen(t, network, netip.Addr{})
			s.ask(t, s.dial(t, s.vips[0])) // in the window
			b.awaitQueued()
			b.pktinfoOn(network)
			s.ask(t, s.dial(t, s.vips[1]))
			require.Equal(t, netip.IPv4Unspecified(), b.receive().v4.specDst)
			require.Equal(t, s.vips[1], b.receive().v4.specDst)
		})
		t.Run("dsrudp/"+network, func(t *testing.T) {
			// A socket that cannot be bound has the option already. Control
			// comes before, and may change what kind of socket it is.
			s.listen(t, network, netip.Addr{})
			var socket *os.File
			lc := dsrudp.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
				return c.Control(func(fd uintptr) {
					v, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO)
					require.NoError(t, err)
					require.Zero(t, v)
					dup, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
					require.NoError(t, err)
					socket = os.NewFile(uintptr(dup), "socket")
				})
			}}
			require.ErrorIs(t, s.server.Do(func() error {
				_, err := lc.ListenPacket(t.Context(), network, siteAddress(netip.Addr{}))
				return err
			}), unix.EADDRINUSE)
			require.NotNil(t, socket)
			t.Cleanup(func() { socket.Close() })
			require.Equal(t, 1, bareGetsockopt(t, socket, unix.IPPROTO_IP, unix.IP_PKTINFO))
			if network != "udp4" {
				require.Equal(t, 1, bareGetsockopt(t, socket, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO))
			}
		})
		for _, w := range dsrWays {
			t.Run("dsrudp/"+network+"/"+w.name, func(t *testing.T) {
				clients := s.dialAll(t)
				c := s.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
				s.requireAnswered(t, c, w, clients...)
				require.Zero(t, c.Stats().LostPath)
			})
		}
	}
}
