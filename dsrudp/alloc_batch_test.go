//go:build linux && !race

package dsrudp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestBatchAllocations: an echo of a batch allocates nothing, and where addresses
// are returned one object for each.
func TestBatchAllocations(t *testing.T) {
	const count = 8
	for name, tc := range map[string]struct {
		lc   dsrudp.ListenConfig
		ecn  dsrudp.ECN
		size int // of the segments of what is sent back
	}{
		"grouped":    {},
		"one by one": {lc: dsrudp.ListenConfig{NoOffload: true}},
		"plain":      {lc: dsrudp.ListenConfig{PlainSyscalls: true}},
		"ECN":        {lc: dsrudp.ListenConfig{ECN: true}, ecn: dsrudp.ECT0},
		"GRO":        {lc: dsrudp.ListenConfig{GRO: true}},
		"trains":     {size: 2},
	} {
		for _, s := range ecnSockets {
			t.Run(name+"/"+s.network+"/"+s.vip.String(), func(t *testing.T) {
				c := listenWith(t, &tc.lc, s.network, ":0")
				x := dialVIP(t, c, s.vip)
				ps := packets(count, 1<<16)
				request, answer := []byte("12345"), make([]byte, 64)
				echo := func() {
					askMany(t, x, request, count)
					n, err := c.ReadPackets(ps)
					if n != count || err != nil {
						t.Fatal(n, err)
					}
					for i := range ps {
						ps[i].ECN, ps[i].SegmentSize = tc.ecn, tc.size
					}
					if n, err = c.WritePackets(ps); n != count || err != nil {
						t.Fatal(n, err)
					}
					answers := count
					if tc.size > 0 {
						answers *= (len(request) + tc.size - 1) / tc.size
					}
					drain(t, x, answer, answers)
				}
				require.Zero(t, testing.AllocsPerRun(100, echo))
				require.Zero(t, c.Stats().UnknownPath)
			})
		}
	}
}

// TestReadBatchAllocations: one object for each datagram; sending allocates
// nothing.
func TestReadBatchAllocations(t *testing.T) {
	const count = 8
	for _, s := range ecnSockets {
		c := listen(t, s.network, ":0")
		x := dialVIP(t, c, s.vip)
		ms := messages(count, 64)
		buffers := make([][]byte, count)
		for i := range ms {
			buffers[i] = ms[i].Buffers[0]
			ms[i].OOB = make([]byte, 128)
		}
		oob := ms[0].OOB
		request, answer := []byte("12345"), make([]byte, 64)
		require.EqualValues(t, count, testing.AllocsPerRun(100, func() {
			askMany(t, x, request, count)
			for i := range ms {
				ms[i].Buffers[0], ms[i].OOB = buffers[i], oob
			}
			n, err := c.ReadBatch(ms, 0)
			if n != count || err != nil {
				t.Fatal(n, err)
			}
			for i := range ms {
				ms[i].Buffers[0] = buffers[i][:ms[i].N]
				ms[i].OOB = nil
			}
			if n, err = c.WriteBatch(ms, 0); n != count || err != nil {
				t.Fatal(n, err)
			}
			drain(t, x, answer, count)
		}), "%s %v", s.network, s.vip)
	}
}

// TestReadAheadAllocations: nor do reading ahead and holding back.
func TestReadAheadAllocations(t *testing.T) {
	const count = 16
	for name, lc := range ahead {
		c := listenWith(t, &lc, "udp", ":0")
		x := dialVIP(t, c, vips[0])
		b, request, answer := make([]byte, 64), []byte("12345"), make([]byte, 64)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			askMany(t, x, request, count)
			for range count {
				n, p, err := c.ReadFromPath(b)
				if err == nil {
					_, err = c.WriteToPath(b[:n], p)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			drain(t, x, answer, count)
		}), name)
	}
}
