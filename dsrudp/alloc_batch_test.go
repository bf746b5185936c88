//go:build linux && !race

package dsrudp_test

import (
	"net"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

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
