package facts_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"unsafe"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// K7.1: sendmmsg ends before the message that cannot be sent, and keeps the
// reason to itself until that is the first. The others are none the worse for
// it, and the library goes on to them by itself.
func TestK7_1_BadMessage(t *testing.T) {
	s := newCable(t)
	payloads := func() (all []string) {
		for range 5 {
			all = append(all, unique("of a batch"))
		}
		return all
	}
	eachFamily(t, "bare", func(t *testing.T, f family, network string) {
		b, client := s.listen(t, network, netip.Addr{}, freebind), s.dial(t, f.vips[0])
		from, all := net.UDPAddrFromAddrPort(b.asked(client).from), payloads()
		var ms []ipv6.Message
		for _, p := range all {
			ms = append(ms, ipv6.Message{Buffers: [][]byte{[]byte(p)}, OOB: source(f.vips[0]), Addr: from})
		}
		if f.name == "IPv4" {
			ms[2].OOB = source(f.foreign)
		} else {
			// With FREEBIND no source is bad, and without it the VIPs are; so it is
			// too long.
			ms[2].Buffers = [][]byte{make([]byte, 1<<16)}
		}
		pc := ipv6.NewPacketConn(b.UDPConn) // whose batches are of any family
		n, err := pc.WriteBatch(ms, 0)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		n, err = pc.WriteBatch(ms[2:], 0)
		requireErrno(t, err, append(badSource, unix.EMSGSIZE)...)
		require.LessOrEqual(t, n, 0)
		n, err = pc.WriteBatch(ms[3:], 0)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		for _, i := range []int{0, 1, 3, 4} {
			requireAccepted(t, client, all[i])
		}
	})
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		c, client := s.wildcard(t, network), s.dial(t, f.vips[0])
		p, all := s.path(t, c, client), payloads()
		var ps []dsrudp.Packet
		for _, payload := range all {
			ps = append(ps, packet(payload, p))
		}
		ps[2].Path = path(f.foreign, p.Remote)
		ps = append(ps, packet(string(make([]byte, 65528)), p), ps[4])
		n, err := c.WritePackets(ps)
		require.Equal(t, 5, n)
		requireNotLocal(t, err)
		require.ErrorIs(t, err, unix.EMSGSIZE)
		for i, p := range ps {
			switch i {
			case 2:
				requireNotLocal(t, p.Err)
			case 5:
				require.ErrorIs(t, p.Err, unix.EMSGSIZE)
			default:
				require.NoError(t, p.Err)
				requireAccepted(t, client, string(p.Payload()))
			}
		}
		require.EqualValues(t, 1, c.Stats().Refused)
		require.EqualValues(t, 1, failures(c))
	})
}

// K7.1: where the kernel refuses a message of segments as a whole, here as it is not to
// compute checksums, they are sent one by one, and one that a filter drops keeps none of
// the others back. (Of WriteBatch it does, as of x/net's.)
func TestK7_1_DroppedInSegments(t *testing.T) {
	const count, mark = 5, 'X'
	s := newCable(t)
	s.drop(t, false, expr.PayloadBaseTransportHeader, 8, []byte{mark})
	for _, network := range networks4 {
		for at := range count {
			t.Run(fmt.Sprintf("dsrudp/%s/%d", network, at), func(t *testing.T) {
				lc := dsrudp.ListenConfig{Control: control(on(unix.SOL_SOCKET, unix.SO_NO_CHECK))}
				c := s.conn(t, lc, network, netip.Addr{})
				client := s.dial(t, vips4[0])
				p := s.path(t, c, client)
				tag := unique("batch")
				var ps []dsrudp.Packet
				for i := range count {
					ps = append(ps, packet(fmt.Sprintf(".%s, %d", tag, i), p))
				}
				ps[at].Buf[0] = mark
				n, err := c.WritePackets(ps)
				require.Equal(t, count-1, n)
				require.ErrorIs(t, err, unix.EPERM)
				for i, p := range ps {
					if i == at {
						require.ErrorIs(t, p.Err, unix.EPERM)
						continue
					}
					require.NoError(t, p.Err)
					requireAccepted(t, client, string(p.Payload()))
				}
				s.requireNotSent(t, string(ps[at].Payload()))
				require.EqualValues(t, 1, c.Stats().OffloadFallbacks, "the kernel took them together")
				require.EqualValues(t, 1, failures(c))
				require.NoError(t, c.Close())

				// WriteBatch sends those before it alone.
				c = s.conn(t, lc, network, netip.Addr{})
				var ms []ipv6.Message
				for _, p := range ps {
					ms = append(ms, ipv6.Message{Buffers: [][]byte{p.Buf}, Addr: net.UDPAddrFromAddrPort(p.Path.Remote), OOB: source(vips4[0])})
				}
				n, err = c.WriteBatch(ms, 0)
				require.Equal(t, at, n)
				require.Equal(t, at == 0, err != nil)
				for _, p := range ps[:at] {
					requireAccepted(t, client, string(p.Payload()))
				}
				last := unique("after the batch")
				require.NoError(t, sends[0].send(c, last, vips4[0], p.Remote))
				requireAccepted(t, client, last)
			})
		}
	}
}

// A header is struct mmsghdr of recvmmsg(2), with memory for one datagram.
type header struct {
	hdr  unix.Msghdr
	n    uint32
	name [unix.SizeofSockaddrInet6]byte
	oob  [128]byte
	b    [2048]byte
	iov  unix.Iovec
}

// K7.2: recvmmsg puts lengths where it found sizes. Used again without resetting
// them, a header has no more room than the last datagram took.
func TestK7_2_ResetHeaders(t *testing.T) {
	s := newCable(t)
	eachFamily(t, "bare", func(t *testing.T, f family, network string) {
		b, client := s.listen(t, network, netip.Addr{}), s.dial(t, f.vips[0])
		m := new(header)
		m.iov.Base, m.hdr.Iov = &m.b[0], &m.iov
		m.iov.SetLen(len(m.b))
		m.hdr.SetIovlen(1)
		arm := func() {
			m.hdr.Name, m.hdr.Namelen = &m.name[0], uint32(len(m.name))
			m.hdr.Control = &m.oob[0]
			m.hdr.SetControllen(len(m.oob))
			m.hdr.Flags = 0
		}
		receive := func() {
			t.Helper()
			s.ask(t, client)
			b.awaitQueued()
			b.set(func(fd int) error {
				_, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(m)), 1, unix.MSG_DONTWAIT, 0, 0)
				require.Zero(t, errno)
				return nil
			})
		}
		arm()
		receive()
		require.Zero(t, m.hdr.Controllen, "nothing was asked for")
		b.set(pktinfo(network)...)
		receive()
		require.Zero(t, m.hdr.Controllen)
		require.Equal(t, unix.MSG_CTRUNC, int(m.hdr.Flags)&unix.MSG_CTRUNC, "the destination is lost")
		arm()
		receive()
		require.EqualValues(t, room(f, network), m.hdr.Controllen)
		require.Zero(t, int(m.hdr.Flags)&unix.MSG_CTRUNC)
	})
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		// Segments have one message more than the datagrams before them.
		c := s.conn(t, dsrudp.ListenConfig{GRO: true}, network, netip.Addr{})
		serve(t, &dsrudp.Server{Handler: echo(t)}, c)
		for _, client := range s.dialAll(t, f.vips...) {
			for range 3 {
				requireAccepted(t, client, s.ask(t, client))
				payload := segments()
				sendSegments(t, client, payload, segmentSize)
				requireSegments(t, client, payload, segmentSize)
			}
		}
		require.Zero(t, c.Stats().ControlTruncated+c.Stats().LostPath)
	})
}

// K7.3: a short sendmmsg does not mean that the socket is full. A Server sends
// the answers behind one that cannot be sent at once, and reports that one.
func TestK7_3_ShortIsNotFull(t *testing.T) {
	s := newCable(t)
	eachFamily(t, "bare", func(t *testing.T, f family, network string) {
		b := s.listen(t, network, netip.Addr{})
		from := net.UDPAddrFromAddrPort(b.asked(s.dial(t, f.vips[0])).from)
		ms := slices.Repeat([]ipv6.Message{{Buffers: [][]byte{[]byte("short")}, Addr: from}}, 3)
		ms[1].Buffers = [][]byte{make([]byte, 1<<16)}
		n, err := ipv6.NewPacketConn(b.UDPConn).WriteBatch(ms, 0)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.EqualValues(t, unix.POLLOUT, b.poll()&unix.POLLOUT)
	})
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		c, clients := s.wildcard(t, network), s.dialAll(t, slices.Concat(f.vips, f.vips)...)
		nowhere := netip.AddrPortFrom(f.far, 9) // there is no route
		failed := make(chan dsrudp.Path, len(clients))
		serve(t, &dsrudp.Server{
			OnError: func(p dsrudp.Path, err error) {
				assert.ErrorIs(t, err, unix.ENETUNREACH)
				failed <- p
			},
			Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				echo(t)(w, p)
				bad := p.Clone()
				bad.Path.Remote = nowhere
				assert.NoError(t, w.WritePacket(bad))
				echo(t)(w, p)
			}),
		}, c)
		for _, client := range clients {
			request := s.ask(t, client)
			requireAccepted(t, client, request)
			requireAccepted(t, client, request)
			require.Equal(t, dsrudp.Path{Local: addrPort(client.RemoteAddr()), Remote: nowhere}, await(t, failed))
		}
		require.EqualValues(t, len(clients), failures(c))
	})
}

// K7.4: netfilter's EPERM for a datagram says nothing of sendmmsg, which is used again
// for the next ones.
func TestK7_4_FilterForbidsNoCall(t *testing.T) {
	s := newCable(t)
	s.addFar(t)
	f := families[0]
	b := s.listen(t, "udp4", netip.Addr{})
	socket, err := mmsg.NewSocket(b.UDPConn, false, false, false)
	require.NoError(t, err)
	defer s.drop(t, false, expr.PayloadBaseNetworkHeader, 16, f.far.AsSlice())()
	client := s.dial(t, server4)
	near := addrPort(client.LocalAddr())
	out := socket.NewOut(6, 0)
	for i, to := range []netip.AddrPort{near, netip.AddrPortFrom(f.far, 9), near, near, near, near} {
		out.Begin(&mmsg.Addr{AddrPort: to}, nil)
		require.True(t, out.Append(i, []byte{byte('0' + i)}))
	}
	n, err := out.TrySend(0, 6, 0)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = out.TrySend(1, 6, 0)
	require.ErrorIs(t, err, unix.EPERM)
	require.Zero(t, n)
	n, err = out.TrySend(2, 6, 0)
	require.NoError(t, err)
	require.Equal(t, 4, n, "one at a time")
	for _, want := range []string{"0", "2", "3", "4", "5"} {
		requireAccepted(t, client, want)
	}
}
