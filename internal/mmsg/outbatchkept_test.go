package mmsg_test

import (
	"bytes"
	"net"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

var keepAlive [][]byte

// TestBatchKeepsPieces: all pieces of a payload are kept until Reset, also those
// that happen to lie one behind the other.
func TestBatchKeepsPieces(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	b := s.NewOutBatch(16, 0)
	want := func() (want []byte) {
		b.Begin(new(c.LocalAddr().(*net.UDPAddr).AddrPort()), 0, nil)
		for i := range b.Cap() {
			piece := bytes.Repeat([]byte{byte(i)}, 512)
			require.True(t, b.Append(piece))
			want = append(want, piece...)
		}
		return want
	}()
	runtime.GC()
	runtime.GC()
	for range 1000 {
		keepAlive = append(keepAlive, bytes.Repeat([]byte{0xff}, 512))
	}
	n, err := b.Send(0, 0)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	got := make([]byte, 2*len(want))
	r, err := recvOne(s, mmsg.NewMsg(), got, nil)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got[:r.N]), "the payload was overwritten before it was sent")
}
