//go:build !dsrudp_portable

package mmsg_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBatchAppend: pieces of memory that follow each other count as one, others
// do not, and a message ends where the pieces do.
func TestBatchAppend(t *testing.T) {
	x, _ := socket(t, "udp4", "127.0.0.1:0", false)
	y, yc := socket(t, "udp4", "127.0.0.1:0", false)
	to := addrOf(yc, "127.0.0.1")
	out := x.NewOutBatch(3, 0)
	room := out.Room()
	memory := []byte("abcdefghijkl")
	pieces := func(want int) {
		t.Helper()
		require.Equal(t, want, room-out.Room())
	}

	out.Begin(&to, 0, nil)
	require.True(t, out.Append(memory[0:2]))
	require.True(t, out.Append(memory[2:5]))
	require.True(t, out.Append(memory[5:6]))
	pieces(1)
	require.True(t, out.Append(memory[7:8])) // a gap
	pieces(2)
	require.True(t, out.Append(memory[6:7])) // backwards
	pieces(3)
	require.True(t, out.Append(nil))
	require.True(t, out.Append(memory[6:7])) // the same again
	pieces(5)
	require.Equal(t, "abcdefhgg", string(out.Payload(0, nil)))

	used := room - out.Room()
	out.Begin(&to, 0, nil) // what follows in memory does not belong to the message before
	require.True(t, out.Append(memory[7:9]))
	pieces(used + 1)
	require.Equal(t, "abcdefhgg", string(out.Payload(0, nil)))
	require.Equal(t, "x-hi", string(out.Payload(1, []byte("x-"))))

	out.Begin(&to, 0, nil)
	require.True(t, out.Append(nil))
	require.Empty(t, out.Payload(2, nil))
	n, err := out.Send(0, 0)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	requireQueued(t, y, "abcdefhgg", "hi", "")
	require.Equal(t, []int{9, 2, 0}, []int{out.Sent(0), out.Sent(1), out.Sent(2)})

	out.Reset()
	require.Zero(t, out.Len())
	require.Equal(t, room, out.Room())
}

// TestBatchRoom: without room for another piece Append says so, and the payload
// is what was appended before.
func TestBatchRoom(t *testing.T) {
	x, _ := socket(t, "udp4", "127.0.0.1:0", false)
	y, yc := socket(t, "udp4", "127.0.0.1:0", false)
	out := x.NewOutBatch(2, 0)
	memory := bytes.Repeat([]byte("01"), 100)
	out.Begin(new(addrOf(yc, "127.0.0.1")), 0, nil)
	want := ""
	for at := 0; out.Room() > 0; at += 2 {
		require.True(t, out.Append(memory[at:at+1]))
		want += "0"
	}
	require.False(t, out.Append(memory[199:]))
	last := 2*len(want) - 1
	require.True(t, out.Append(memory[last:last+1]), "it needs no other piece")
	require.Equal(t, want+"1", string(out.Payload(0, nil)))
	n, err := out.Send(0, 0)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	requireQueued(t, y, want+"1")
}

// TestBatchAppendTo: payloads may grow in any order. Each is whole and in order at
// every step, wherever its pieces had to move, and one that finds no room for another
// piece is what it was.
func TestBatchAppendTo(t *testing.T) {
	x, _ := socket(t, "udp4", "127.0.0.1:0", false)
	y, yc := socket(t, "udp4", "127.0.0.1:0", false)
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		out := x.NewOutBatch(1+random.IntN(12), 0)
		memory := bytes.Repeat([]byte("abcdefghijklmnopqrstuvwxyz"), 8)
		for range 2 { // the second time there is something left from the first
			var want []string
			for full := false; !full; {
				if len(want) == 0 || len(want) < out.Cap() && out.Room() > 0 && random.IntN(4) == 0 {
					out.Begin(new(addrOf(yc, "127.0.0.1")), 0, nil)
					want = append(want, "")
					continue
				}
				at := random.IntN(200)
				piece := memory[at : at+random.IntN(5)]
				i := random.IntN(len(want))
				for range 1 + random.IntN(2) {
					if out.AppendTo(i, piece) {
						want[i] += string(piece)
					} else {
						full = true
					}
					piece = piece[len(piece) : len(piece)+random.IntN(3)]
				}
				for i := range want {
					require.Equal(t, want[i], string(out.Payload(i, nil)))
				}
			}
			n, err := out.Send(0, 0)
			require.NoError(t, err)
			require.Equal(t, len(want), n)
			requireQueued(t, y, want...)
			require.True(t, out.Keeps())
			out.Reset()
			require.False(t, out.Keeps())
		}
	}
}
