package facts_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// room is the size of the control messages with the destination of a datagram, for a
// socket of network.
func room(f family, network string) (n int) {
	if network != "udp4" {
		n = unix.CmsgSpace(unix.SizeofInet6Pktinfo)
	}
	if f.name == "IPv4" {
		n += unix.CmsgSpace(unix.SizeofInet4Pktinfo)
	}
	return n
}

var dropCount = on(unix.SOL_SOCKET, unix.SO_RXQ_OVFL)

// K5.1: the count of dropped datagrams takes room from the first drop on, and
// comes before the destination's message: a buffer that was large enough is
// not any more, under load and not in a test.
func TestK5_1_DropCount(t *testing.T) {
	s := newCable(t)
	read := func(t *testing.T, c interface {
		ReadMsgUDPAddrPort(b, oob []byte) (n, oobn, flags int, addr netip.AddrPort, err error)
	}, room int,
	) (counted bool, flags int) {
		t.Helper()
		oob := make([]byte, room)
		_, oobn, flags, _, err := c.ReadMsgUDPAddrPort(make([]byte, 2048), oob)
		require.NoError(t, err)
		for _, m := range messages(t, oob[:oobn]) {
			counted = counted || m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_RXQ_OVFL
		}
		return counted, flags
	}
	eachFamily(t, "bare", func(t *testing.T, f family, network string) {
		b, client := s.listen(t, network, netip.Addr{}, append(pktinfo(network), dropCount)...), s.dial(t, f.vips[0])
		require.NoError(t, b.SetReadBuffer(1)) // the least there is
		s.ask(t, client)
		_, flags := read(t, b, room(f, network))
		require.Zero(t, flags)
		overflow(t, client, func() bool { counted, _ := read(t, b, 512); return counted })
		counted, flags := read(t, b, room(f, network))
		require.True(t, counted)
		require.Equal(t, unix.MSG_CTRUNC, flags)
	})
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		for _, w := range waysBut(byEcho) { // the count handed back is EINVAL, as under net
			c := s.conn(t, dsrudp.ListenConfig{Control: control(dropCount), ReadBuffer: 1}, network, netip.Addr{})
			client := s.dial(t, f.vips[0])
			overflow(t, client, func() bool { counted, _ := read(t, c, 512); return counted })
			// There is something left to read, with the count or not;
			// what is written now may be dropped.
			r, err := w.receive(c)
			require.NoError(t, err)
			require.NoError(t, r.answer("answer by "+w.name))
			requireAccepted(t, client, "answer by "+w.name)
			require.Zero(t, c.Stats().LostPath+c.Stats().ControlTruncated)
			require.NoError(t, c.Close())
		}
	})
}

// overflow has a client write more than the receive buffer of the server holds, until
// a datagram that is read was queued after one was dropped. There are others behind
// it then.
func overflow(t *testing.T, client *net.UDPConn, readOne func() (counted bool)) {
	t.Helper()
	counted := 0
	// One counted datagram at the head, and the ones behind it are counted too.
	for range 1000 {
		for range 64 {
			_, err := client.Write([]byte("one too many"))
			require.NoError(t, err)
		}
		if readOne() {
			counted++
		}
		if counted == 2 {
			return
		}
	}
	require.Fail(t, "the receive buffer never overflowed")
}

// K5.2: in too small a buffer the last message is cut, and may be so in its
// data, of which the usual parser says nothing. A caller of dsrudp that asks for these
// messages gets the same as from the kernel.
func TestK5_2_CutMessages(t *testing.T) {
	s := newCable(t)
	eachFamily(t, "both", func(t *testing.T, f family, network string) {
		b, client := s.listen(t, network, netip.Addr{}, append(pktinfo(network), reusePort)...), s.dial(t, f.vips[0])
		partial, bareFlags, lengths := 0, []int(nil), []int(nil)
		for room := range room(f, network) + 1 {
			s.ask(t, client)
			oob := make([]byte, room)
			_, oobn, flags, _, err := b.ReadMsgUDPAddrPort(make([]byte, 2048), oob)
			require.NoError(t, err)
			bareFlags, lengths = append(bareFlags, flags), append(lengths, oobn)
			for _, m := range messages(t, oob[:oobn]) {
				if len(m.Data) < unix.SizeofInet4Pktinfo {
					require.Equal(t, unix.MSG_CTRUNC, flags)
					partial++
				}
			}
		}
		require.NotZero(t, partial)
		require.Zero(t, bareFlags[room(f, network)])
		require.NoError(t, b.Close())

		c := s.conn(t, dsrudp.ListenConfig{Control: control(pktinfo(network)...)}, network, netip.Addr{})
		for room := range bareFlags {
			for _, client := range s.dialAll(t, f.vips...) {
				request := s.ask(t, client)
				_, oobn, flags, addr, err := c.ReadMsgUDP(make([]byte, 2048), make([]byte, room))
				require.NoError(t, err)
				require.Equal(t, bareFlags[room], flags, "%d bytes", room)
				require.Equal(t, lengths[room], oobn)
				// What was cut for the caller was not for dsrudp.
				_, _, err = c.WriteMsgUDP([]byte("answer to "+request), nil, addr)
				require.NoError(t, err)
				requireAccepted(t, client, "answer to "+request)
			}
		}
		require.Zero(t, c.Stats().LostPath)
	})
}

// Extension headers, asked for by an option, are the one kind of control message
// that may be larger than what is kept for them: then it is reported that some were
// cut, and counted. They come last, so that the path is known.
func TestK5_2_ExtensionHeaders(t *testing.T) {
	s := newCable(t)
	// Within the host, as that many do not fit into a packet on the cable.
	c, client := s.wildcard(t, "udp6"), dial(t, s.server, netip.AddrPort{}, server(vips6[0]))
	set(t, c, on(unix.IPPROTO_IPV6, unix.IPV6_RECVDSTOPTS))
	// Three options of a type that a host skips if it does not know it (RFC
	// 4727), 252 bytes each, and one of two bytes that pads to a multiple of 8.
	header := make([]byte, 2)
	for range 3 {
		header = append(header, 0x1e, 250)
		header = append(header, make([]byte, 250)...)
	}
	header = append(header, 1, 0)
	header[1] = byte(len(header)/8 - 1)
	set(t, client, func(fd int) error {
		return unix.SetsockoptString(fd, unix.IPPROTO_IPV6, unix.IPV6_DSTOPTS, string(header))
	})

	request := s.ask(t, client)
	b := make([]byte, 2048)
	n, p, err := c.ReadFromPath(b)
	require.ErrorIs(t, err, dsrudp.ErrTruncated)
	require.Equal(t, request, string(b[:n]))
	require.Equal(t, server(vips6[0]), p.Local)
	require.EqualValues(t, 1, c.Stats().ControlTruncated)
	require.Zero(t, c.Stats().Truncated)
	_, err = c.WriteToPath([]byte("answer"), p)
	require.NoError(t, err)
	requireAccepted(t, client, "answer")
}

// K5.3: the size of segments is an int when received and must be a u16 when
// sent. A wrong one is EINVAL, as a wrong source is, and not to be taken for it.
func TestK5_3_SegmentSizes(t *testing.T) {
	s := newCable(t)
	long := message(unix.IPPROTO_UDP, unix.UDP_SEGMENT, binary.NativeEndian.AppendUint32(nil, segmentSize))
	eachFamily(t, "bare", func(t *testing.T, f family, network string) {
		b, client, payload := s.listen(t, network, netip.Addr{}, gro), s.dial(t, f.vips[0]), segments()
		_, _, err := client.WriteMsgUDP(payload, long, nil)
		require.ErrorIs(t, err, unix.EINVAL)
		sendSegments(t, client, payload, segmentSize)
		r := b.receive()
		require.Equal(t, string(payload), r.payload)
		ms := messages(t, r.oob)
		require.Len(t, ms, 1)
		require.EqualValues(t, unix.UDP_GRO, ms[0].Header.Type)
		require.Len(t, ms[0].Data, 4)
		require.EqualValues(t, segmentSize, binary.NativeEndian.Uint32(ms[0].Data))
	})
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		c := s.wildcard(t, network)
		for _, client := range s.dialAll(t, f.vips...) {
			s.ask(t, client)
			_, _, _, addr, err := c.ReadMsgUDP(make([]byte, 2048), nil)
			require.NoError(t, err)
			payload := segments()
			_, _, err = c.WriteMsgUDP(payload, long, addr)
			require.ErrorIs(t, err, unix.EINVAL)
			require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
			_, _, err = c.WriteMsgUDP(payload, segment(segmentSize), addr)
			require.NoError(t, err)
			requireSegments(t, client, payload, segmentSize)
		}
	})
}
