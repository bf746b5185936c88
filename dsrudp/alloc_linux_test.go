//go:build !race

package dsrudp_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// allocations returns how many each run of the steps makes, none of which may fail.
func allocations(t *testing.T, steps ...func() error) float64 {
	t.Helper()
	return testing.AllocsPerRun(200, func() {
		for _, step := range steps {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// asking and reading are steps of a client.
func asking(x *net.UDPConn, b []byte) func() error {
	return func() error { _, err := x.Write(b); return err }
}

func reading(x *net.UDPConn) func() error {
	b := make([]byte, 1<<16)
	return func() error { _, err := x.Read(b); return err }
}

// TestPromise8_Allocations: an echo through each pair of methods allocates what is
// promised: one address object where one is returned, else nothing.
func TestPromise8_Allocations(t *testing.T) {
	returned := map[string]float64{"ReadFrom": 1, "ReadFromUDP": 1, "ReadMsgUDP": 1}
	b := make([]byte, 64)
	for _, at := range endpoints {
		for name, p := range pairs {
			for _, vip := range at.asked {
				t.Run(fmt.Sprint(at, vip, name), func(t *testing.T) {
					c := listenAt(t, at)
					x := dialVIP(t, c, vip)
					ask, echo, answer := asking(x, []byte("1")), func() error { return p.echo(c, b) }, reading(x)
					require.Equal(t, returned[name], allocations(t, ask, echo, answer))
					deadline := func() error { return c.SetDeadline(time.Now().Add(patience)) }
					require.Equal(t, returned[name], allocations(t, deadline, ask, echo, answer))
				})
			}
		}
	}
}

// TestPromise8_ServerAllocations: nothing is allocated for a datagram and its reply, nor for
// several that GRO joins and their replies.
func TestPromise8_ServerAllocations(t *testing.T) {
	payload, control := make([]byte, segmentsLen), make([]byte, unix.CmsgSpace(2))
	binary.NativeEndian.PutUint16(cmsghdr(control, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2), segmentSize)
	write := func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		var b [64]byte // which stays on the stack
		_, _ = w.Write(b[:copy(b[:], p.Payload())])
	}
	for name, s := range map[string]*dsrudp.Server{
		"Write":       {Handler: dsrudp.HandlerFunc(write)},
		"WritePacket": {Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) { _ = w.WritePacket(p) })},
		"Concurrency": {Handler: dsrudp.HandlerFunc(write), Concurrency: 4},
	} {
		for _, at := range endpoints {
			for _, vip := range at.asked {
				t.Run(fmt.Sprint(at, vip, name), func(t *testing.T) {
					c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, at.network, at.address)
					serve(t, s, c)
					x := dialSegmented(t, c, vip)
					joined := func() error { _, _, err := x.WriteMsgUDP(payload, control, nil); return err }
					require.Zero(t, allocations(t, asking(x, payload[:64]), reading(x)))
					require.Zero(t, allocations(t, joined, reading(x)))
				})
			}
		}
	}
}

// perBatch is how many datagrams are answered together.
const perBatch = 8

// batch are the steps in which x sends that many datagrams, they are answered, and x reads n
// answers.
func batch(x *net.UDPConn, n int, answer func() error) []func() error {
	steps := slices.Repeat([]func() error{asking(x, []byte("12345"))}, perBatch)
	steps = append(steps, answer)
	return append(steps, slices.Repeat([]func() error{reading(x)}, n)...)
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
				require.Zero(t, allocations(t, batch(x, answers, func() error {
					n, err := c.ReadPackets(ps)
					if n != perBatch || err != nil {
						t.Fatal(n, err)
					}
					for i := range ps {
						ps[i].ECN, ps[i].SegmentSize = tc.ecn, tc.size
					}
					_, err = c.WritePackets(ps)
					return err
				})...))
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
		require.EqualValues(t, perBatch, allocations(t, batch(x, perBatch, func() error {
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
		})...), "%s %v", s.network, s.vip)
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
