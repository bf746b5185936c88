package mmsg_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// tooLong is what no system sends.
var tooLong = string(make([]byte, 65508))

// build begins a message for each payload, the first of which is message at.
func build(t *testing.T, out *mmsg.Out, at int, to *mmsg.Addr, payloads ...string) {
	t.Helper()
	for i, p := range payloads {
		out.Begin(to, nil)
		require.True(t, out.Append(at+i, []byte(p)))
	}
}

// sendOut sends messages [from, to), all of which have to go at once.
func sendOut(t *testing.T, out *mmsg.Out, from, to int) {
	t.Helper()
	n, err := out.TrySend(from, to, 0)
	require.NoError(t, err)
	require.Equal(t, to-from, n)
	out.Reset()
}

// inbound returns an In whose messages have buffers of size bytes, and those.
func inbound(s *mmsg.Socket, n, size int) (*mmsg.In, [][]byte) {
	in := s.NewIn(n, 128)
	buffers := make([][]byte, n)
	for i := range buffers {
		buffers[i] = make([]byte, size)
		in.SetBuffers(i, buffers[i])
	}
	return in, buffers
}

// message returns what message i brought.
func message(in *mmsg.In, i int) (r mmsg.Received) {
	in.Message(i, &r)
	return r
}

// requireQueued requires that the Socket has just these datagrams.
func requireQueued(t *testing.T, s *mmsg.Socket, want ...string) {
	t.Helper()
	in, buffers := inbound(s, 32, 1<<16)
	got := []string{}
	for {
		n, err := in.Poll()
		require.NoError(t, err)
		if n == 0 {
			break
		}
		for i := range n {
			got = append(got, string(buffers[i][:message(in, i).N]))
		}
	}
	require.Equal(t, want, got)
}

// TestBatchRoundTrip: what an Out sends an In receives, on every kind of socket, a full
// batch and again, and an address is that of its datagram.
func TestBatchRoundTrip(t *testing.T) {
	y, yc := socket(t, "udp", "[::]:0")
	x4, xc4 := socket(t, "udp4", "127.0.0.1:0")
	x6, xc6 := socket(t, "udp6", "[::1]:0")
	x, xc := socket(t, "udp", "[::]:0")
	from := []*mmsg.Addr{addrOf(xc4, "127.0.0.1"), addrOf(xc6, "::1"), addrOf(xc, "127.0.0.1"), addrOf(xc, "::1")}
	out := []*mmsg.Out{x4.NewOut(2, 0), x6.NewOut(2, 0), x.NewOut(2, 0)}
	in, buffers := inbound(y, 8, 16)
	for round := range 3 {
		var want []string
		for i, o := range []int{0, 1, 2, 2} {
			to := addrOf(yc, from[i].AddrPort.Addr().String())
			build(t, out[o], 0, to, fmt.Sprint(round, i), "")
			sendOut(t, out[o], 0, 2)
			want = append(want, fmt.Sprint(round, i), "")
		}
		for got := 0; got < 8; {
			n, err := in.Recv(8, 0)
			require.NoError(t, err)
			require.Positive(t, n)
			for i := range n {
				r := message(in, i)
				require.Equal(t, want[got], string(buffers[i][:r.N]))
				require.Equal(t, *from[got/2], r.From)
				require.Zero(t, r.Flags)
				got++
			}
		}
	}
}

// TestBatchBuffers: a datagram fills the buffers of its message one after the other, and
// what does not fit is cut off and marked. A message has others, or none, the next time.
func TestBatchBuffers(t *testing.T) {
	s, self := local(t)
	in := s.NewIn(2, 0)
	many := make([][]byte, 200)
	for i := range many {
		many[i] = make([]byte, 1+i%3)
	}
	payload := bytes.Repeat([]byte("0123456789"), 40) // buffers of 1+2+3 bytes and so on: 399
	for _, buffers := range [][][]byte{many, {make([]byte, 500)}, {make([]byte, 1), nil, make([]byte, 3), make([]byte, 500)}, nil, many} {
		in.SetBuffers(1, make([]byte, 1))
		in.SetBuffers(0, buffers...)
		send(t, s, self, string(payload))
		n, err := in.Recv(2, 0)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		got := bytes.Join(buffers, nil)
		r := message(in, 0)
		require.Equal(t, min(len(got), len(payload)), r.N)
		require.Equal(t, payload[:r.N], got[:r.N])
		require.Equal(t, len(got) < len(payload), r.Flags&mmsg.FlagTrunc != 0)
	}
}

// TestBatchPayloads: payloads grow piece by piece in any order, each piece up to the very
// end of an allocation, and are kept until they are sent.
func TestBatchPayloads(t *testing.T) {
	s, self := local(t)
	out := s.NewOut(3, 0)
	for round := range 3 {
		want := make([]string, 3)
		func() {
			for range want {
				out.Begin(self, nil)
			}
			for i := range 10 * len(want) * (1 + round) {
				piece := bytes.Repeat([]byte{byte(i)}, 32) // a size class of the allocator
				require.True(t, out.Append(i%3, piece))
				want[i%3] += string(piece)
			}
		}()
		runtime.GC()
		runtime.GC()
		garbage := make([][]byte, 1000) // to lie where a piece that was not kept lay
		for i := range garbage {
			garbage[i] = bytes.Repeat([]byte{0xff}, 32)
		}
		for i := range want {
			require.Equal(t, "x"+want[i], string(out.Payload(i, []byte("x"))))
		}
		sendOut(t, out, 0, 3)
		requireQueued(t, s, want...)
		runtime.KeepAlive(garbage)
	}
}

// TestK7_1_K7_3_PartialSend: a bad message ends the call before it with the number of
// those sent, and the error comes when it is the first, with nothing sent; that is so
// wherever it is, and what follows can be sent.
func TestK7_1_K7_3_PartialSend(t *testing.T) {
	const count = 4
	y, to := local(t)
	for bad := range count {
		x, _ := local(t)
		out := x.NewOut(count, 0)
		var want []string
		for i := range count {
			p := strconv.Itoa(i)
			if i == bad {
				p = tooLong
			} else {
				want = append(want, p)
			}
			build(t, out, i, to, p)
		}
		if bad > 0 {
			n, err := out.TrySend(0, count, 0)
			require.NoError(t, err)
			require.Equal(t, bad, n)
		}
		n, err := out.TrySend(bad, count, 0)
		require.Equal(t, mmsg.TooLong, mmsg.KindOf(err), err)
		require.Equal(t, mmsg.TooLong, mmsg.KindOf(mmsg.ErrTooLong))
		require.Zero(t, n)
		if bad < count-1 {
			sendOut(t, out, bad+1, count)
		}
		requireQueued(t, y, want...)
	}
}

// TestLoop: every datagram comes to the function, in order, whether they come one by one,
// while it runs, or as more than one batch. It ends when the function says so, and may be
// begun again. What its function sends leaves.
func TestLoop(t *testing.T) {
	s, self := local(t)
	x, reply := local(t)
	in, buffers := inbound(s, 4, 8)
	seen, sent := 0, 0
	more := func(n int) {
		for range n {
			send(t, x, self, strconv.Itoa(sent))
			sent++
		}
	}
	var want []string
	for range 3 {
		more(9) // three batches, the last not full
		end := seen + 20
		require.NoError(t, in.Loop(func(n int) bool {
			for i := range n {
				require.Equal(t, strconv.Itoa(seen), string(buffers[i][:message(in, i).N]))
				want = append(want, strconv.Itoa(seen))
				send(t, s, reply, strconv.Itoa(seen))
				seen++
			}
			if seen == sent && seen < end {
				// The queue was found empty, and is not any more: only the poller knows.
				more(min(3, end-seen))
			}
			return seen < end
		}))
		require.Equal(t, end, seen)
	}
	requireQueued(t, x, want...)
}
