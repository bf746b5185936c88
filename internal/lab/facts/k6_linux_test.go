package facts_test

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// K6.1: the messages of a source and of a segment size go together, in either
// order, over a cable and within the host, on every kind of socket.
func TestK6_1_SegmentsFromVIP(t *testing.T) {
	s := newCable(t)
	eachFamily(t, "bare", func(t *testing.T, f family, network string) {
		b := s.listen(t, network, netip.Addr{}, freebind)
		from := f.vips[0]
		if from.Is4() && network != "udp4" {
			from = mapped(from)
		}
		for _, oob := range [][]byte{append(source(from), segment(segmentSize)...), append(segment(segmentSize), source(from)...)} {
			for _, client := range []*net.UDPConn{s.dial(t, f.vips[0]), dial(t, s.server, netip.AddrPort{}, server(f.vips[0]))} {
				payload := segments()
				_, _, err := b.WriteMsgUDPAddrPort(payload, oob, b.asked(client).from)
				require.NoError(t, err)
				requireSegments(t, client, payload, segmentSize)
			}
		}
	})
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		c := s.wildcard(t, network)
		within := dial(t, s.server, netip.AddrPort{}, server(f.vips[0]))
		for i, client := range append(s.dialAll(t, f.vips...), within) {
			p := s.path(t, c, client)
			cut, merged := segments(), segments()
			one := packet(string(cut), p)
			one.SegmentSize = segmentSize
			for _, ps := range [][]dsrudp.Packet{{one}, packets(merged, p)} {
				n, err := c.WritePackets(ps)
				require.NoError(t, err)
				require.Equal(t, len(ps), n)
			}
			requireSegments(t, client, cut, segmentSize)
			requireSegments(t, client, merged, segmentSize)
			if client != within {
				s.requireSentFrom(t, string(cut), f.vips[i])
				s.requireSentFrom(t, string(merged), f.vips[i])
			}
		}
		require.Zero(t, c.Stats().OffloadFallbacks)
	})
}

// K6.1: segments received together carry their destination as any datagram does; where
// the kernel splits them for a socket without UDP_GRO, each carries it.
func TestK6_1_SegmentsToVIP(t *testing.T) {
	s := newCable(t)
	for _, joined := range []bool{false, true} {
		eachFamily(t, "bare", func(t *testing.T, f family, network string) {
			options, size := pktinfo(network), segmentSize
			if joined {
				options, size = append(options, gro), segmented
			}
			b := s.listen(t, network, netip.Addr{}, options...)
			for _, vip := range f.vips {
				payload := segments()
				sendSegments(t, s.dial(t, vip), payload, segmentSize)
				for part := range slices.Chunk(payload, size) {
					r := b.receive()
					require.Equal(t, string(part), r.payload)
					if r.v4 != nil {
						require.Equal(t, vip, r.v4.specDst)
					} else {
						require.Equal(t, vip, r.v6.addr)
					}
				}
			}
		})
		eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
			c := s.conn(t, dsrudp.ListenConfig{GRO: joined}, network, netip.Addr{})
			serve(t, &dsrudp.Server{Handler: echo(t)}, c)
			clients, payloads := s.dialOnePort(t, f.vips...), [][]byte{segments(), segments()}
			for i, client := range clients {
				sendSegments(t, client, payloads[i], segmentSize)
			}
			for i, client := range clients {
				requireSegments(t, client, payloads[i], segmentSize)
				if joined { // without, a batch may have ended in between
					s.requireSentFrom(t, string(payloads[i]), f.vips[i])
				}
			}
		})
	}
}

// K6.2: how many segments a message may have, and how long they and it may be.
func TestK6_2_Limits(t *testing.T) {
	s := newCable(t)
	eachFamily(t, "bare", func(t *testing.T, f family, network string) {
		b, mtu := s.listen(t, network, netip.Addr{}, freebind), 1500-f.header-8
		to := b.asked(s.dial(t, f.vips[0])).from
		try := func(n, size int) error {
			_, _, err := b.WriteMsgUDPAddrPort(make([]byte, n), append(source(f.vips[0]), segment(size)...), to)
			return err
		}
		require.NoError(t, try(64, 1))
		if try(65, 1) == nil { // since Linux 6.9
			require.NoError(t, try(128, 1))
		}
		require.ErrorIs(t, try(129, 1), unix.EINVAL)
		require.NoError(t, try(2*mtu, mtu))
		requireErrno(t, try(2*mtu+2, mtu+1), unix.EMSGSIZE, unix.EINVAL) // EINVAL before Linux 6.9
		require.NoError(t, try(f.max, mtu))
		require.ErrorIs(t, try(f.max+1, mtu), unix.EMSGSIZE)
	})
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		c, client, mtu := s.wildcard(t, network), s.dial(t, f.vips[0]), 1500-f.header-8
		p := s.path(t, c, client)
		send := func(n, size int) {
			t.Helper()
			one := packet(strings.Repeat(unique("limits "), n)[:n], p)
			one.SegmentSize = size
			_, err := c.WritePackets([]dsrudp.Packet{one})
			require.NoError(t, err)
			requireSegments(t, client, one.Payload(), size)
		}
		send(129, 1) // more than one message has
		send(2*mtu, mtu)
		send(f.max+mtu, mtu) // longer than one
		before := c.Stats().OffloadFallbacks
		require.LessOrEqual(t, before, uint64(1), "an old kernel's limit is found once")
		send(2*mtu+2, mtu+1) // as fragments, one by one
		require.Equal(t, before+1, c.Stats().OffloadFallbacks)
		send(2*mtu+2, mtu+1)
		send(2*mtu, mtu)
		require.Equal(t, before+1, c.Stats().OffloadFallbacks, "that was known")
		require.Zero(t, failures(c))
	})
}

// K6.2, K6.4: segments longer than the path takes are refused, while datagrams of
// that length are fragmented. They are sent one by one then, from the same source,
// and from that length on not together again to that address, but to others.
func TestK6_4_SegmentsTooLong(t *testing.T) {
	const long, short = 2 * lab.MTU, lab.MTU / 2
	s := newCable(t)
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		c := s.wildcard(t, network)
		clients := []*net.UDPConn{s.dialFrom(t, f.a, f.vips[0]), s.dialFrom(t, f.b, f.vips[1])}
		paths := []dsrudp.Path{s.path(t, c, clients[0]), s.path(t, c, clients[1])}
		for _, tc := range []struct {
			to, size  int
			together  bool
			fallbacks uint64
		}{
			{0, short, true, 0},
			{0, long, false, 1},
			{0, long, false, 1},
			{0, long + 1, false, 1},
			{0, short, true, 1},
			{1, short, true, 1},
			{1, long, false, 2},
			{1, long, false, 2},
		} {
			var ps []dsrudp.Packet
			all := ""
			for range 4 {
				payload := (unique("one of four ") + strings.Repeat(".", tc.size))[:tc.size]
				ps, all = append(ps, packet(payload, paths[tc.to])), all+payload
			}
			n, err := c.WritePackets(ps)
			require.NoError(t, err)
			require.Equal(t, len(ps), n)
			requireSegments(t, clients[tc.to], []byte(all), tc.size)
			together := slices.ContainsFunc(s.wire.Packets(), func(p lab.Packet) bool {
				return p.Outgoing && string(p.Payload) == all && p.Dst == paths[tc.to].Remote
			})
			require.Equal(t, tc.together, together)
			require.Equal(t, tc.fallbacks, c.Stats().OffloadFallbacks)
		}
		one := packet(strings.Repeat("five.", long), paths[0])
		one.SegmentSize = long
		n, err := c.WritePackets([]dsrudp.Packet{one})
		require.NoError(t, err)
		require.Equal(t, 1, n)
		requireSegments(t, clients[0], one.Payload(), long)
		require.EqualValues(t, 2, c.Stats().OffloadFallbacks)
		require.Zero(t, failures(c), "each was sent")
	})
}

// K6.3: of segments together that are longer than the buffer the rest is lost, whole
// datagrams of it.
func TestK6_3_ShortBuffer(t *testing.T) {
	s := newCable(t)
	eachFamily(t, "bare", func(t *testing.T, f family, network string) {
		b, client := s.listen(t, network, netip.Addr{}, gro), s.dial(t, f.vips[0])
		sendSegments(t, client, segments(), segmentSize)
		next := s.ask(t, client)
		n, _, flags, _, err := b.ReadMsgUDPAddrPort(make([]byte, 2*segmentSize), make([]byte, 128))
		require.NoError(t, err)
		require.Equal(t, 2*segmentSize, n)
		require.Equal(t, unix.MSG_TRUNC, flags)
		require.Equal(t, next, b.receive().payload, "the rest of the segments")
	})
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		c, client, payload := s.conn(t, dsrudp.ListenConfig{GRO: true}, network, netip.Addr{}), s.dial(t, f.vips[0]), segments()
		sendSegments(t, client, payload, segmentSize)
		next := s.ask(t, client)
		ps := []dsrudp.Packet{{Buf: make([]byte, 2*segmentSize)}}
		_, err := c.ReadPackets(ps)
		require.NoError(t, err)
		require.True(t, ps[0].Truncated)
		require.Equal(t, segmentSize, ps[0].SegmentSize)
		require.Equal(t, string(payload[:2*segmentSize]), string(ps[0].Payload()))
		require.Equal(t, f.vips[0], ps[0].Path.Local.Addr())
		whole := readPackets(t, c, 1)[0]
		require.False(t, whole.Truncated)
		require.Equal(t, next, string(whole.Payload()))
		require.EqualValues(t, 1, c.Stats().Truncated)
		// A Server's buffers hold all there is.
		serve(t, &dsrudp.Server{Handler: echo(t)}, c)
		long := []byte(strings.Repeat("long ", 60000/5)) // with all headers less than 64 KiB, or it is cut on the way
		sendSegments(t, client, long, 1400)
		requireSegments(t, client, long, 1400)
		require.EqualValues(t, 1, c.Stats().Truncated)
	})
}

// K6.4: a source that is not local fails segments with errors that segments are
// refused with as well. That is distinguished, and ends neither segments nor the source.
func TestK6_4_BadSource(t *testing.T) {
	s := newCable(t)
	eachFamily(t, "bare", func(t *testing.T, f family, network string) {
		b := s.listen(t, network, netip.Addr{})
		to := b.asked(s.dial(t, f.vips[0])).from
		_, _, err := b.WriteMsgUDPAddrPort(segments(), append(source(f.foreign), segment(segmentSize)...), to)
		requireErrno(t, err, badSource...)
	})
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		c, client := s.wildcard(t, network), s.dial(t, f.vips[0])
		p := s.path(t, c, client)
		for range 3 {
			never := segments()
			one := packet(string(never), path(f.foreign, p.Remote))
			one.SegmentSize = segmentSize
			for _, ps := range [][]dsrudp.Packet{packets(never, one.Path), {one}} {
				n, err := c.WritePackets(ps)
				require.Zero(t, n)
				requireNotLocal(t, err)
				requireNotLocal(t, ps[0].Err)
			}
			s.requireNotSent(t, string(never), string(never[:segmentSize]))

			payload := segments()
			n, err := c.WritePackets(packets(payload, p))
			require.NoError(t, err)
			require.Equal(t, 5, n)
			requireSegments(t, client, payload, segmentSize)
			s.requireSentFrom(t, string(payload), f.vips[0])
		}
		require.Zero(t, c.Stats().OffloadFallbacks+failures(c))
	})
}

// K6.6: a reader of a socket with UDP_GRO that does not expect it takes segments for one
// datagram. So such reads are refused.
func TestK6_6_SegmentsTakenForDatagram(t *testing.T) {
	s := newCable(t)
	eachFamily(t, "bare", func(t *testing.T, f family, network string) {
		b := s.listen(t, network, netip.Addr{}, gro)
		sendSegments(t, s.dial(t, f.vips[0]), segments(), segmentSize)
		n, _, err := b.ReadFrom(make([]byte, 2048))
		require.NoError(t, err)
		require.Equal(t, segmented, n)
		_, err = dsrudp.NewConn(b.UDPConn)
		require.ErrorContains(t, err, "UDP_GRO")
	})
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		c, client := s.conn(t, dsrudp.ListenConfig{GRO: true}, network, netip.Addr{}), s.dial(t, f.vips[0])
		s.ask(t, client)
		_, fileErr := c.File()
		errs := []error{fileErr}
		raw, err := c.SyscallConn()
		require.NoError(t, err)
		called := func(uintptr) bool { assert.Fail(t, "called"); return true }
		errs = append(errs, raw.Read(called), raw.Write(called))
		require.NotZero(t, get(t, c, unix.IPPROTO_UDP, unix.UDP_GRO), "Control works")
		for _, w := range waysBut(byPackets) {
			_, err := w.receive(c)
			requireOp(t, err, "read")
			errs = append(errs, err)
		}
		for _, err := range errs {
			require.ErrorIs(t, err, dsrudp.ErrNotSupported)
			require.ErrorContains(t, err, "GRO")
		}
		r, err := byPackets.receive(c)
		require.NoError(t, err)
		require.NoError(t, r.answer("nothing was taken"))
		requireAccepted(t, client, "nothing was taken")
	})
}
