package facts_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// awaitQueued returns when a datagram is in the socket's queue, and leaves it there.
func (b *bareServer) awaitQueued() {
	b.t.Helper()
	raw, err := b.SyscallConn()
	require.NoError(b.t, err)
	var peeked error
	require.NoError(b.t, raw.Read(func(fd uintptr) bool {
		_, _, peeked = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return !errors.Is(peeked, unix.EAGAIN)
	}))
	require.NoError(b.t, peeked)
}

// pktinfoOn turns IP_PKTINFO on, and what goes with it on an AF_INET6 socket.
func (b *bareServer) pktinfoOn(network string) {
	b.t.Helper()
	b.set(barePktinfo4)
	if network != "udp4" {
		b.set(barePktinfo6)
	}
}

// K1.12: a datagram that was queued before IP_PKTINFO was set comes without
// what the option would have noted: spec_dst and the interface are zero. The
// destination in its header is still there.
func TestK1_12_QueuedBeforeOption(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	for _, network := range bareNetworks {
		t.Run("bare/"+network, func(t *testing.T) {
			for _, vip := range s.vips {
				b := s.listen(t, network, netip.Addr{})
				client := s.dial(t, vip)
				s.ask(t, client)
				b.awaitQueued()
				b.pktinfoOn(network)
				r := b.receive()
				require.Equal(t, &info4{specDst: netip.IPv4Unspecified(), addr: vip}, r.v4)
				if network != "udp4" {
					require.Equal(t, info6Mapped(vip), r.v6.addr)
				}
				s.requireRejected(t, client, b.answer(r, info4{specDst: r.v4.specDst}.oob()), s.own)
				s.requireAccepted(t, client, b.answer(r, info4{specDst: r.v4.addr}.oob()))

				// What comes from now on is complete.
				s.ask(t, client)
				require.Equal(t, vip, b.receive().v4.specDst)
				require.NoError(t, b.Close())
			}
		})
		for _, w := range dsrWays {
			t.Run("dsrudp/"+network+"/"+w.name, func(t *testing.T) {
				for _, vip := range s.vips {
					b := s.listen(t, network, netip.Addr{})
					client := s.dial(t, vip)
					request := s.ask(t, client)
					b.awaitQueued()
					c, err := dsrudp.NewConn(b.UDPConn)
					require.NoError(t, err)
					r, err := w.receive(c)
					require.NoError(t, err)
					require.Equal(t, request, r.payload)
					require.NoError(t, r.answer("late, and right"))
					s.requireAccepted(t, client, "late, and right")
					s.requireAnswered(t, c, w, client, s.dial(t, s.vips[0]), s.dial(t, s.vips[1]))
					require.Zero(t, c.Stats().LostPath)
					require.NoError(t, c.Close())
				}
			})
		}
	}
}

// What was queued for a group has the group's address alone, and nothing tells
// which address to answer from.
func TestK1_12_GroupQueuedBeforeOption(t *testing.T) {
	s := newGroupSite(t, false)
	onWire := labtest.Capture(t, s.server, "eth0")
	for _, network := range bareNetworks {
		t.Run("bare/"+network, func(t *testing.T) {
			for _, group := range groups4 {
				b := s.listen(t, network, netip.Addr{}, s.join(t))
				s.ask(t, group)
				b.awaitQueued()
				b.pktinfoOn(network)
				r := b.receive()
				require.Equal(t, &info4{specDst: netip.IPv4Unspecified(), addr: group}, r.v4)
				_, err := b.tryAnswer(r, info4{specDst: r.v4.addr}.oob())
				bareFails(t, err, badSource...)
				require.NoError(t, b.Close())
			}
		})
		for _, w := range dsrWays {
			t.Run("dsrudp/"+network+"/"+w.name, func(t *testing.T) {
				for _, group := range groups4 {
					b := s.listen(t, network, netip.Addr{}, s.join(t))
					s.ask(t, group)
					b.awaitQueued()
					c, err := dsrudp.NewConn(b.UDPConn)
					require.NoError(t, err)
					lost, err := w.receive(c)
					require.NoError(t, err, "the request itself is good")
					require.EqualValues(t, 1, c.Stats().LostPath)
					require.ErrorIs(t, lost.answer(t.Name()), dsrudp.ErrNoPath)
					require.EqualValues(t, 1, c.Stats().Refused)

					// The next one is complete, and the first stays lost, where
					// anything remembers it.
					s.ask(t, group)
					r, err := w.receive(c)
					require.NoError(t, err)
					right := "right: " + t.Name() + group.String()
					require.NoError(t, r.answer(right))
					s.requireAnswer(t, right)
					if w.name != dsrRemembered.name {
						require.ErrorIs(t, lost.answer(t.Name()), dsrudp.ErrNoPath)
					}
					siteNotSent(t, onWire, t.Name(), right)
					require.NoError(t, c.Close())
				}
			})
		}
	}
}
