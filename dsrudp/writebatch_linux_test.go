package dsrudp_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// badMessages are ways to spoil one message.
var badMessages = map[string]struct {
	want  error
	spoil func(m *ipv4.Message)
}{
	"too long":     {syscall.EMSGSIZE, func(m *ipv4.Message) { m.Buffers = [][]byte{make([]byte, 65508)} }},
	"long pieces":  {syscall.EMSGSIZE, func(m *ipv4.Message) { m.Buffers = [][]byte{make([]byte, 65507), make([]byte, 1)} }},
	"no address":   {nil, func(m *ipv4.Message) { m.Addr = nil }},
	"bad address":  {nil, func(m *ipv4.Message) { m.Addr = &net.UDPAddr{IP: make([]byte, 5), Port: 9} }},
	"no UDP":       {syscall.EINVAL, func(m *ipv4.Message) { m.Addr = otherAddr{} }},
	"bad OOB":      {syscall.EINVAL, func(m *ipv4.Message) { m.OOB = make([]byte, 24) }},
	"not our host": {dsrudp.ErrNotLocal, func(m *ipv4.Message) { m.OOB = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{198, 51, 100, 77}}) }},
}

// TestWriteBatchPrefix: it returns how many of the first messages were sent, and
// sends none behind one that cannot be; that one's error comes when it is the
// first. A caller that sends the rest again gets all others sent, once.
func TestWriteBatchPrefix(t *testing.T) {
	for _, w := range wildcards[:2] {
		for name, bad := range badMessages {
			for _, count := range []int{5, 40} {
				payload := func(i, at int) string {
					s := fmt.Sprintf("%2d of %2d", i, at)
					if count > 5 {
						s += bytesOf(0, i) // longer and longer, or they would be merged; and 32 are what one call takes
					}
					return s
				}
				t.Run(fmt.Sprint(w.network, "/", name, "/", count), func(t *testing.T) {
					c := listen(t, w.network, w.address)
					x := dialVIP(t, c, vips[0])
					write(t, x, "1")
					_, a, err := c.ReadFromUDP(make([]byte, 1))
					require.NoError(t, err)
					for at := 0; at < count; at += 1 + count/8 {
						ms := make([]ipv4.Message, count)
						for i := range ms {
							ms[i] = message(payload(i, at), a)
						}
						bad.spoil(&ms[at])
						n, err := c.WriteBatch(ms, 0)
						if at == 0 {
							require.Zero(t, n)
							requireWriteOp(t, err, bad.want)
						} else {
							require.NoError(t, err)
							require.Equal(t, at, n)
						}
						for i := range at {
							require.Equal(t, payload(i, at), read(t, x))
							require.Equal(t, len(ms[i].Buffers[0]), ms[i].N)
						}
						requireNothing(t, x)
						n, err = c.WriteBatch(ms[at:], 0)
						require.Zero(t, n)
						requireWriteOp(t, err, bad.want)
						requireNothing(t, x)
						if at+1 == count {
							continue
						}
						n, err = c.WriteBatch(ms[at+1:], 0)
						require.NoError(t, err)
						require.Equal(t, count-at-1, n)
						for i := at + 1; i < count; i++ {
							require.Equal(t, payload(i, at), read(t, x))
						}
						// Nothing is left behind for who sends next.
						_, err = c.WritePackets([]dsrudp.Packet{packet("next", pathFrom(c, vips[0], x))})
						require.NoError(t, err)
						require.Equal(t, "next", read(t, x))
						requireNothing(t, x)
					}
				})
			}
		}
	}
}

// TestWriteBatchPieces: a message may be in any number of pieces, and is one
// datagram of all of them.
func TestWriteBatchPieces(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	_, a, err := c.ReadFromUDP(make([]byte, 1))
	require.NoError(t, err)
	memory := []byte(bytesOf(0, 2000))
	var ms []ipv4.Message
	var want []string
	for _, n := range []int{0, 1, 2, 5, 100, 127, 128, 129, 500, 2, 0} {
		m := ipv4.Message{Addr: a}
		s := ""
		for i := range n {
			piece := memory[2*i : 2*i+1+i%2] // every other one follows the one before
			m.Buffers = append(m.Buffers, piece)
			s += string(piece)
		}
		ms = append(ms, m)
		want = append(want, s)
	}
	for sent := 0; sent < len(ms); {
		n, err := c.WriteBatch(ms[sent:], 0)
		require.NoError(t, err)
		require.Positive(t, n)
		sent += n
	}
	for i, s := range want {
		require.Equal(t, s, read(t, x))
		require.Equal(t, len(s), ms[i].N)
	}
	requireNothing(t, x)
}

// TestWriteBatchControls: each message leaves with control messages of its own,
// however many they are and whether or not its source is said beside them.
func TestWriteBatchControls(t *testing.T) {
	for name, address := range map[string]string{"wildcard": ":0", "bound": netip.AddrPortFrom(vips[0], 0).String()} {
		for _, times := range []int{1, 8} { // the kernel heeds the last
			t.Run(fmt.Sprintf("%s, %d times", name, times), func(t *testing.T) {
				c := listen(t, "udp4", address)
				x := dialVIP(t, c, vips[0])
				setsockopts(t, x, recvClass(vips[0]))
				write(t, x, "1")
				_, a, err := c.ReadFromUDP(make([]byte, 1))
				require.NoError(t, err)
				var ms []ipv4.Message
				for i := range 4 {
					tos := make([]byte, unix.CmsgSpace(4))
					cmsghdr(tos, unix.IPPROTO_IP, unix.IP_TOS, 4)[0] = byte(i) << 5
					m := message("1", a)
					m.OOB = bytes.Repeat(tos, times)
					ms = append(ms, m)
				}
				n, err := c.WriteBatch(ms, 0)
				require.NoError(t, err)
				require.Equal(t, len(ms), n)
				for i := range ms {
					require.Equal(t, i<<5, readClass(t, x, vips[0]))
				}
			})
		}
	}
}

// TestWriteBatchControl: the caller's own control messages go with their message,
// also when others ahead of it had to be sent one by one.
func TestWriteBatchControl(t *testing.T) {
	for name, lc := range map[string]dsrudp.ListenConfig{"together": {}, "one by one": {Control: noCheck}} {
		t.Run(name, func(t *testing.T) {
			c := listenWith(t, &lc, "udp", ":0")
			x := dialVIP(t, c, vips[0])
			setsockopts(t, x, recvClass(vips[0]))
			write(t, x, "1")
			_, a, err := c.ReadFromUDP(make([]byte, 1))
			require.NoError(t, err)
			tos := make([]byte, unix.CmsgSpace(4))
			cmsghdr(tos, unix.IPPROTO_IP, unix.IP_TOS, 4)[0] = 0xb8
			var ms []ipv4.Message
			for i := range 32 { // pairs of one length are merged
				ms = append(ms, message(bytesOf(0, 1+i), a), message(bytesOf(0, 1+i), a))
			}
			last := message("last", a)
			last.OOB = tos
			ms = append(ms, last, message("none", a))
			n, err := c.WriteBatch(ms, 0)
			require.NoError(t, err)
			require.Equal(t, len(ms), n)
			for i := range ms {
				want := 0
				if i == len(ms)-2 {
					want = 0xb8
				}
				require.Equal(t, want, readClass(t, x, vips[0]), i)
			}
			requireNothing(t, x)
		})
	}
}
