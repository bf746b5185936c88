//go:build !race

package dsrudp_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestPromise8_Allocations: an echo through each pair of methods allocates what is
// promised: one address object where one is returned, else nothing.
func TestPromise8_Allocations(t *testing.T) {
	returned := map[string]float64{"ReadFrom": 1, "ReadFromUDP": 1, "ReadMsgUDP": 1}
	b := make([]byte, 64)
	sockets := append(wildcards[:len(wildcards):len(wildcards)],
		struct{ network, address string }{"udp4", "127.0.0.2:0"},
		struct{ network, address string }{"udp6", "[::]:0"})
	for _, w := range sockets {
		for name, p := range pairs {
			t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
				c := listen(t, w.network, w.address)
				vip := vips[0]
				if w.network == "udp6" {
					vip = netip.IPv6Loopback()
				}
				x, answer := dialVIP(t, c, vip), make([]byte, 64)
				for _, deadlines := range []bool{false, true} {
					require.Equal(t, returned[name], testing.AllocsPerRun(200, func() {
						if deadlines {
							c.SetDeadline(time.Now().Add(patience))
						}
						if _, err := x.Write([]byte("1")); err != nil {
							t.Fatal(err)
						}
						if err := p.echo(c, b); err != nil {
							t.Fatal(err)
						}
						if _, err := x.Read(answer); err != nil {
							t.Fatal(err)
						}
					}), "deadlines: %v", deadlines)
				}
			})
		}
	}
}

// TestPromise8_ServerAllocations: nothing is allocated for a datagram and its reply, nor for
// several that GRO joins and their replies.
func TestPromise8_ServerAllocations(t *testing.T) {
	payload, answer := make([]byte, segmentsLen), make([]byte, 1<<16)
	control := make([]byte, unix.CmsgSpace(2))
	binary.NativeEndian.PutUint16(cmsghdr(control, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2), segmentSize)
	asks := map[string]func(x *net.UDPConn) error{
		"datagram": func(x *net.UDPConn) error { _, err := x.Write(payload[:64]); return err },
		"segments": func(x *net.UDPConn) error { _, _, err := x.WriteMsgUDP(payload, control, nil); return err },
	}
	write := func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		var b [64]byte // which stays on the stack
		_, _ = w.Write(b[:copy(b[:], p.Payload())])
	}
	servers := map[string]struct {
		concurrency int
		handler     dsrudp.HandlerFunc
	}{
		"Write":       {0, write},
		"WritePacket": {0, func(w dsrudp.ReplyWriter, p *dsrudp.Packet) { _ = w.WritePacket(p) }},
		"Concurrency": {4, write},
	}
	for _, s := range []struct {
		network, address string
		vip              netip.Addr
	}{
		{"udp4", ":0", vips[0]},
		{"udp", ":0", vips[0]},
		{"udp", ":0", netip.IPv6Loopback()},
		{"udp6", ":0", netip.IPv6Loopback()},
		{"udp4", "127.0.0.2:0", vips[0]},
	} {
		for asking, ask := range asks {
			for serving, server := range servers {
				t.Run(fmt.Sprint(s.network, s.address, s.vip, asking, serving), func(t *testing.T) {
					c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, s.network, s.address)
					serve(t, &dsrudp.Server{Handler: server.handler, Concurrency: server.concurrency}, c)
					x := dialSegmented(t, c, s.vip)
					require.Zero(t, testing.AllocsPerRun(100, func() {
						if err := ask(x); err != nil {
							t.Fatal(err)
						}
						if _, err := x.Read(answer); err != nil {
							t.Fatal(err)
						}
					}))
				})
			}
		}
	}
}

// perBatch is how many datagrams are answered together.
const perBatch = 8

// askBatch has x send that many datagrams, answers them, and has x read n answers.
func askBatch(t *testing.T, x *net.UDPConn, n int, answer func() error) {
	b := make([]byte, 64)
	for range perBatch {
		if _, err := x.Write([]byte("12345")); err != nil {
			t.Fatal(err)
		}
	}
	if err := answer(); err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := x.Read(b); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPromise8_Packets: an echo of a batch allocates nothing.
func TestPromise8_Packets(t *testing.T) {
	for name, tc := range map[string]struct {
		lc   dsrudp.ListenConfig
		ecn  dsrudp.ECN
		size int // of the segments of what is sent back
	}{
		"merged":     {},
		"one by one": {lc: dsrudp.ListenConfig{NoOffload: true}},
		"plain":      {lc: dsrudp.ListenConfig{PlainSyscalls: true}},
		"ECN":        {lc: dsrudp.ListenConfig{ECN: true}, ecn: dsrudp.ECT0},
		"GRO":        {lc: dsrudp.ListenConfig{GRO: true}},
		"segments":   {size: 2},
	} {
		for _, s := range ecnSockets {
			t.Run(name+"/"+s.network+"/"+s.vip.String(), func(t *testing.T) {
				c := listenWith(t, &tc.lc, s.network, ":0")
				x := dialVIP(t, c, s.vip)
				ps := packets(perBatch, 1<<16)
				answers := perBatch
				if tc.size > 0 {
					answers *= (len("12345") + tc.size - 1) / tc.size
				}
				require.Zero(t, testing.AllocsPerRun(100, func() {
					askBatch(t, x, answers, func() error {
						n, err := c.ReadPackets(ps)
						if n != perBatch || err != nil {
							t.Fatal(n, err)
						}
						for i := range ps {
							ps[i].ECN, ps[i].SegmentSize = tc.ecn, tc.size
						}
						_, err = c.WritePackets(ps)
						return err
					})
				}))
				require.Zero(t, c.Stats().UnknownPath)
			})
		}
	}
}

// TestPromise8_ReadBatch: one object for each datagram; sending allocates nothing.
func TestPromise8_ReadBatch(t *testing.T) {
	for _, s := range ecnSockets {
		c := listen(t, s.network, ":0")
		x := dialVIP(t, c, s.vip)
		ms := messages(perBatch, 64)
		oob := make([]byte, 128)
		require.EqualValues(t, perBatch, testing.AllocsPerRun(100, func() {
			askBatch(t, x, perBatch, func() error {
				for i := range ms {
					ms[i].Buffers[0], ms[i].OOB = ms[i].Buffers[0][:64], oob
				}
				n, err := c.ReadBatch(ms, 0)
				if n != perBatch || err != nil {
					t.Fatal(n, err)
				}
				for i := range ms {
					ms[i].OOB = nil
				}
				_, err = c.WriteBatch(sent(ms), 0)
				return err
			})
		}), "%s %v", s.network, s.vip)
	}
}

// TestPromise8_BuffersReleased: what is kept for the next read keeps none of the caller's
// buffers of the last one alive, nor those that nothing was received into.
func TestPromise8_BuffersReleased(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	for name, receive := range map[string]func(bs [][]byte) (int, error){
		"ReadFromPath": func(bs [][]byte) (int, error) {
			_, _, err := c.ReadFromPath(bs[0])
			return 1, err
		},
		"ReadPackets": func(bs [][]byte) (int, error) {
			ps := make([]dsrudp.Packet, len(bs))
			for i := range ps {
				ps[i].Buf = bs[i]
			}
			return c.ReadPackets(ps)
		},
		"ReadBatch": func(bs [][]byte) (int, error) {
			return c.ReadBatch([]ipv4.Message{{Buffers: bs[:2]}, {Buffers: bs[2:]}}, 0)
		},
	} {
		write(t, x, "1")
		var buffers [4]weak.Pointer[byte]
		func() {
			var bs [][]byte
			for i := range buffers {
				b := make([]byte, 512)
				buffers[i] = weak.Make(&b[0])
				bs = append(bs, b)
			}
			n, err := receive(bs)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Equal(t, "1", string(bs[0][:1]))
		}()
		runtime.GC() // once: a second one would empty the pool
		for i := range buffers {
			require.Nil(t, buffers[i].Value(), "%s, buffer %d", name, i)
		}
	}
}
