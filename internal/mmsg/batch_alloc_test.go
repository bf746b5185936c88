//go:build linux && !race && !dsrudp_portable

package mmsg_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestBatchAllocations: batches in steady state allocate nothing, in any way.
func TestBatchAllocations(t *testing.T) {
	for name, plain := range map[string]bool{"raw": false, "plain": true} {
		s, c := dual(t)
		if plain {
			s.Plain()
		}
		in, buffers := inbound(s, 8, 64)
		out := s.NewOutBatch(8, 64)
		scratch := make([]byte, 0, 64)
		for _, self := range []netip.AddrPort{addrOf(c, "127.0.0.1"), addrOf(c, "::1")} {
			fill := func() {
				for i := range 8 {
					out.Begin(&self, 0, out.ControlRoom())
					out.Append(buffers[i][:8])
					out.Append(buffers[i][8:16])
				}
				scratch = out.Payload(0, scratch[:0])
				if n, err := out.Send(0, 0); n != 8 || err != nil {
					t.Fatal(n, err)
				}
				out.Reset()
			}
			drain := func(n int, err error) {
				if n != 8 || err != nil {
					t.Fatal(n, err)
				}
				for i := range n {
					if r := received(in, i); r.N != 16 || len(in.OOB(i)) != r.OOBN {
						t.Fatal(r)
					}
				}
			}
			require.Zero(t, testing.AllocsPerRun(100, func() {
				fill()
				drain(in.Recv(8, 0))
				fill()
				drain(in.Poll(8))
				fill()
				for i, p := range buffers {
					in.SetBuffer(i, p)
				}
				drain(in.Recv(8, unix.MSG_DONTWAIT))
			}), name)
		}
	}
}

// TestBatchScatterAllocations: nor do several buffers for a message, from the
// second time on.
func TestBatchScatterAllocations(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	in, out := s.NewInBatch(1, 0), s.NewOutBatch(1, 0)
	buffers := [][]byte{make([]byte, 1), make([]byte, 1)}
	self, payload := addrOf(c, "127.0.0.1"), []byte("12")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		out.Begin(&self, 0, nil)
		out.Append(payload)
		if _, err := out.Send(0, 0); err != nil {
			t.Fatal(err)
		}
		out.Reset()
		in.SetBuffers(0, buffers)
		if n, err := in.Recv(1, 0); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		in.Release(1)
	}))
}
