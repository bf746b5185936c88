package mmsg_test

import (
	"bytes"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// TestBatchPieces: a payload may be in several pieces of memory, each up to the
// very end of an allocation, behind which there is nothing to point at.
func TestBatchPieces(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	b := s.NewOutBatch(4, 0)
	b.Begin(new(c.LocalAddr().(*net.UDPAddr).AddrPort()), 0, nil)
	var want []byte
	for i := range b.Cap() {
		piece := bytes.Repeat([]byte{byte(i)}, 32) // a size class of the allocator
		require.True(t, b.Append(piece))
		want = append(want, piece...)
	}
	n, err := b.Send(0, 0)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	got := make([]byte, 2*len(want))
	r, err := recvOne(s, mmsg.NewMsg(), got, nil)
	require.NoError(t, err)
	require.Equal(t, want, got[:r.N])
}
