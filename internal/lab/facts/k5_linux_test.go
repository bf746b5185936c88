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

// k5Cases are the kinds of sockets with the VIPs that they take datagrams for,
// the options by which a bare one tells destinations, and the room that these
// messages take.
var k5Cases = []struct {
	network string
	vips    []netip.Addr
	options []bareOption
	room    int
}{
	{"udp4", duoVIPs4, []bareOption{barePktinfo4}, unix.CmsgSpace(unix.SizeofInet4Pktinfo)},
	{"udp6", duoVIPs6, []bareOption{barePktinfo6}, unix.CmsgSpace(unix.SizeofInet6Pktinfo)},
	{"udp", duoVIPs6, []bareOption{barePktinfo6, barePktinfo4}, unix.CmsgSpace(unix.SizeofInet6Pktinfo)},
	{"udp", duoVIPs4, []bareOption{barePktinfo6, barePktinfo4}, unix.CmsgSpace(unix.SizeofInet6Pktinfo) + unix.CmsgSpace(unix.SizeofInet4Pktinfo)},
}

var k5DropCount = bareOn(unix.SOL_SOCKET, unix.SO_RXQ_OVFL)

// K5.1: the count of dropped datagrams takes room from the first drop on, and
// comes before what tells the destination: a buffer that was large enough is
// not any more, under load and not in a test.
func TestK5_1_DropCount(t *testing.T) {
	d := newDuo(t)
	for _, tc := range k5Cases {
		name := tc.network + " " + tc.vips[0].String()
		t.Run("bare/"+name, func(t *testing.T) {
			b, client := d.listen(t, tc.network, netip.Addr{}, append(tc.options[:len(tc.options):len(tc.options)], k5DropCount)...), d.dial(t, tc.vips[0])
			require.NoError(t, b.SetReadBuffer(1)) // the least there is
			read := func(room int) (messages []unix.SocketControlMessage, flags int) {
				oob := make([]byte, room)
				_, oobn, flags, _, err := b.ReadMsgUDPAddrPort(make([]byte, 2048), oob)
				require.NoError(t, err)
				messages, err = unix.ParseSocketControlMessage(oob[:oobn])
				require.NoError(t, err)
				return messages, flags
			}
			d.ask(t, client)
			_, flags := read(tc.room)
			require.Zero(t, flags)
			k5Overflow(t, client, func() bool {
				m, _ := read(512)
				return k5HasDropCount(m)
			})
			messages, flags := read(tc.room)
			require.Equal(t, unix.MSG_CTRUNC, flags)
			require.True(t, k5HasDropCount(messages[:1]))
		})
		t.Run("dsrudp/"+name, func(t *testing.T) {
			// Not dsrEchoed: the count handed back is EINVAL, as under net.
			for _, w := range []dsrWay{dsrPacket, dsrCarried, dsrRemembered, guardCarriedMsg} {
				t.Run(w.name, func(t *testing.T) {
					c := d.listenDSR(t, dsrudp.ListenConfig{Control: bareControl(k5DropCount), ReadBuffer: 1}, tc.network, netip.Addr{})
					clients := d.dialVIPs(t, tc.vips)
					k5Overflow(t, clients[0], func() bool {
						oob := make([]byte, 512)
						_, oobn, _, _, err := c.ReadMsgUDPAddrPort(make([]byte, 2048), oob)
						require.NoError(t, err)
						messages, err := unix.ParseSocketControlMessage(oob[:oobn])
						require.NoError(t, err)
						return k5HasDropCount(messages)
					})
					// There is something left to read, with the count or not;
					// what is written now may be dropped.
					r, err := w.receive(c)
					require.NoError(t, err)
					require.NoError(t, r.answer("answer by "+w.name))
					d.requireAccepted(t, clients[0], "answer by "+w.name)
					require.Zero(t, c.Stats().LostPath+c.Stats().ControlTruncated)
				})
			}
		})
	}
}

// k5Overflow has a client write more than the receive buffer of the server holds, until
// a datagram that is read was queued after one was dropped. There are others behind
// it then.
func k5Overflow(t *testing.T, client *net.UDPConn, readOne func() (counted bool)) {
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

func k5HasDropCount(messages []unix.SocketControlMessage) bool {
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_RXQ_OVFL {
			return true
		}
	}
	return false
}

// K5.2: in too small a buffer the last message is cut, and may be so in its
// data, of which the usual parser says nothing.
func TestK5_2_CutMessages(t *testing.T) {
	d := newDuo(t)
	for _, tc := range k5Cases {
		name := tc.network + " " + tc.vips[0].String()
		var bareFlags []int
		t.Run("bare/"+name, func(t *testing.T) {
			b, client := d.listen(t, tc.network, netip.Addr{}, tc.options...), d.dial(t, tc.vips[0])
			partial := 0
			for room := range tc.room + 1 {
				d.ask(t, client)
				oob := make([]byte, room)
				_, oobn, flags, _, err := b.ReadMsgUDPAddrPort(make([]byte, 2048), oob)
				require.NoError(t, err)
				bareFlags = append(bareFlags, flags)
				messages, err := unix.ParseSocketControlMessage(oob[:oobn])
				require.NoError(t, err)
				for _, m := range messages {
					if len(m.Data) < unix.SizeofInet4Pktinfo {
						require.Equal(t, unix.MSG_CTRUNC, flags)
						partial++
					}
				}
			}
			require.NotZero(t, partial)
			require.Zero(t, bareFlags[tc.room])
		})
		t.Run("dsrudp/"+name, func(t *testing.T) {
			c := d.listenDSR(t, dsrudp.ListenConfig{}, tc.network, netip.Addr{})
			for room := range tc.room + 1 {
				for _, client := range d.dialVIPs(t, tc.vips) {
					request := d.ask(t, client)
					_, _, flags, addr, err := c.ReadMsgUDP(make([]byte, 2048), make([]byte, room))
					require.NoError(t, err)
					if room > 0 { // without a buffer nothing was asked for
						require.Equal(t, bareFlags[room], flags, "%d bytes", room)
					}
					_, _, err = c.WriteMsgUDP([]byte("answer to "+request), nil, addr)
					require.NoError(t, err)
					d.requireAccepted(t, client, "answer to "+request)
				}
			}
			require.Zero(t, c.Stats().LostPath)
		})
	}
}

// K5.3: the size of segments is an int when received and must be a u16 when
// sent. A wrong one is EINVAL, as a wrong source is, and not to be taken for it.
func TestK5_3_SegmentSizes(t *testing.T) {
	d := newDuo(t)
	const size, segments = 100, 3
	short := bareMessage(unix.IPPROTO_UDP, unix.UDP_SEGMENT, binary.NativeEndian.AppendUint16(nil, size))
	long := bareMessage(unix.IPPROTO_UDP, unix.UDP_SEGMENT, binary.NativeEndian.AppendUint32(nil, size))
	train := make([]byte, size*segments)
	for _, tc := range k5Cases {
		name := tc.network + " " + tc.vips[0].String()
		t.Run("bare/"+name, func(t *testing.T) {
			b, client := d.listen(t, tc.network, netip.Addr{}, bareOn(unix.IPPROTO_UDP, unix.UDP_GRO)), d.dial(t, tc.vips[0])
			_, _, err := client.WriteMsgUDP(train, long, nil)
			require.ErrorIs(t, err, unix.EINVAL)
			_, _, err = client.WriteMsgUDP(train, short, nil)
			require.NoError(t, err)
			r := b.receive()
			require.Len(t, r.payload, len(train))
			messages, err := unix.ParseSocketControlMessage(r.oob)
			require.NoError(t, err)
			require.Len(t, messages, 1)
			require.EqualValues(t, unix.UDP_GRO, messages[0].Header.Type)
			require.Len(t, messages[0].Data, 4)
			require.EqualValues(t, size, binary.NativeEndian.Uint32(messages[0].Data))
		})
		t.Run("dsrudp/"+name, func(t *testing.T) {
			c := d.listenDSR(t, dsrudp.ListenConfig{}, tc.network, netip.Addr{})
			for _, client := range d.dialVIPs(t, tc.vips) {
				d.ask(t, client)
				_, _, _, addr, err := c.ReadMsgUDP(make([]byte, 2048), nil)
				require.NoError(t, err)
				_, _, err = c.WriteMsgUDP(train, long, addr)
				require.ErrorIs(t, err, unix.EINVAL)
				require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
				_, _, err = c.WriteMsgUDP(train, short, addr)
				require.NoError(t, err)
				for range segments {
					n, err := client.Read(make([]byte, 2048))
					require.NoError(t, err)
					require.Equal(t, size, n)
				}
			}
		})
	}
}
