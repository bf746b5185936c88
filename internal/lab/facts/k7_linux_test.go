package facts_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// k7Foreign are addresses that the server does not have.
var k7Foreign = []netip.Addr{netip.MustParseAddr("198.51.100.99"), netip.MustParseAddr("2001:db8:bad::1")}

// k7Bad is the one of the family of a.
func k7Bad(a netip.Addr) netip.Addr {
	if a.Is6() {
		return k7Foreign[1]
	}
	return k7Foreign[0]
}

// K7.1: sendmmsg ends before the message that cannot be sent, and keeps the
// reason to itself until that is the first. The others are none the worse for
// it, and the library goes on to them by itself.
func TestK7_1_BadMessage(t *testing.T) {
	d := newDuo(t)
	for _, tc := range k5Cases {
		name := tc.network + " " + tc.vips[0].String()
		payloads := func() (all []string) {
			for range 5 {
				all = append(all, duoPayload("of a batch"))
			}
			return all
		}
		t.Run("bare/"+name, func(t *testing.T) {
			b, client := d.listen(t, tc.network, netip.Addr{}, k6Freebind(tc.vips[0])), d.dial(t, tc.vips[0])
			d.ask(t, client)
			from := net.UDPAddrFromAddrPort(b.receive().from)
			all := payloads()
			var ms []ipv6.Message
			for i, p := range all {
				src := tc.vips[0]
				if i == 2 {
					src = k7Bad(src)
				}
				ms = append(ms, ipv6.Message{Buffers: [][]byte{[]byte(p)}, OOB: k6Source(tc.network, src), Addr: from})
			}
			if tc.vips[0].Is6() {
				// With FREEBIND no source is bad, and without it the VIPs are;
				// so it is too long.
				ms[2].Buffers, ms[2].OOB = [][]byte{make([]byte, 1<<16)}, ms[1].OOB
			}
			pc := ipv6.NewPacketConn(b.UDPConn) // whose batches are of any family
			n, err := pc.WriteBatch(ms, 0)
			require.NoError(t, err)
			require.Equal(t, 2, n)
			n, err = pc.WriteBatch(ms[2:], 0)
			require.Error(t, err)
			require.LessOrEqual(t, n, 0)
			bareFails(t, err, append(badSource, unix.EMSGSIZE)...)
			n, err = pc.WriteBatch(ms[3:], 0)
			require.NoError(t, err)
			require.Equal(t, 2, n)
			for _, i := range []int{0, 1, 3, 4} {
				d.requireAccepted(t, client, all[i])
			}
		})
		t.Run("dsrudp/"+name, func(t *testing.T) {
			c, client := d.listenDSR(t, dsrudp.ListenConfig{}, tc.network, netip.Addr{}), d.dial(t, tc.vips[0])
			p := d.path(t, c, client)
			all := payloads()
			var ps []dsrudp.Packet
			for i, payload := range all {
				ps = append(ps, dsrudp.Packet{Buf: []byte(payload), N: len(payload), Path: p})
				if i == 2 {
					ps[i].Path.Local = netip.AddrPortFrom(k7Bad(tc.vips[0]), 0)
				}
			}
			ps = append(ps, dsrudp.Packet{Buf: make([]byte, 65528), N: 65528, Path: p}, ps[4])
			n, err := c.WritePackets(ps)
			require.Equal(t, 5, n)
			dsrNotLocal(t, err)
			require.ErrorIs(t, err, unix.EMSGSIZE)
			for i, p := range ps {
				switch i {
				case 2:
					dsrNotLocal(t, p.Err)
				case 5:
					require.ErrorIs(t, p.Err, unix.EMSGSIZE)
				default:
					require.NoError(t, p.Err)
				}
			}
			for _, i := range []int{0, 1, 3, 4, 4} {
				d.requireAccepted(t, client, all[i])
			}
			require.EqualValues(t, 1, c.Stats().Refused)
			require.EqualValues(t, 1, c.Stats().SendTooLong)
		})
	}
}

// K7.3: a short sendmmsg does not mean that the socket is full. A Server sends
// the answers behind one that cannot be sent at once, and tells of that one.
func TestK7_3_ShortIsNotFull(t *testing.T) {
	d := newDuo(t)
	for _, tc := range k5Cases {
		name := tc.network + " " + tc.vips[0].String()
		t.Run("bare/"+name, func(t *testing.T) {
			b, client := d.listen(t, tc.network, netip.Addr{}), d.dial(t, tc.vips[0])
			d.ask(t, client)
			from := net.UDPAddrFromAddrPort(b.receive().from)
			ms := make([]ipv6.Message, 3)
			for i := range ms {
				ms[i] = ipv6.Message{Buffers: [][]byte{[]byte("short")}, Addr: from}
			}
			ms[1].Buffers = [][]byte{make([]byte, 1<<16)}
			n, err := ipv6.NewPacketConn(b.UDPConn).WriteBatch(ms, 0)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			raw, err := b.SyscallConn()
			require.NoError(t, err)
			require.NoError(t, raw.Control(func(fd uintptr) {
				fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
				_, err = unix.Poll(fds, 0)
				require.EqualValues(t, unix.POLLOUT, fds[0].Revents)
			}))
			require.NoError(t, err)
		})
		t.Run("dsrudp/"+name, func(t *testing.T) {
			c := d.listenDSR(t, dsrudp.ListenConfig{}, tc.network, netip.Addr{})
			clients := d.dialVIPs(t, slices.Concat(tc.vips, tc.vips))
			nowhere := netip.MustParseAddrPort("100.64.0.1:9") // there is no route
			if tc.vips[0].Is6() {
				nowhere = netip.MustParseAddrPort("[2001:db8:ffff::1]:9")
			}
			told := make(chan dsrudp.Path, len(clients))
			serve(t, &dsrudp.Server{
				OnError: func(p dsrudp.Path, err error) {
					assert.ErrorIs(t, err, unix.ENETUNREACH)
					told <- p
				},
				Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
					echoing(t).ServePacket(w, p)
					bad := p.Clone()
					bad.Path.Remote = nowhere
					assert.NoError(t, w.WritePacket(bad))
					echoing(t).ServePacket(w, p)
				}),
			}, c)
			for _, client := range clients {
				request := d.ask(t, client)
				d.requireAccepted(t, client, request)
				d.requireAccepted(t, client, request)
				require.Equal(t, dsrudp.Path{Local: siteAddr(client.RemoteAddr()), Remote: nowhere}, <-told)
			}
			require.EqualValues(t, len(clients), c.Stats().SendUnreachable)
		})
	}
}
