package mmsg_test

import (
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// TestExpire: after Expire a Loop may still answer what it received, and nobody else
// sends, also behind such an answer.
func TestExpire(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	self := c.LocalAddr().(*net.UDPAddr).AddrPort()
	in, out := s.NewInBatch(1, 0), s.NewOutBatch(1, 0)
	in.SetBuffer(0, make([]byte, 8))
	out.Within(in)
	out.Begin(&self, 0, nil)
	out.Append([]byte("answer"))
	other := func() error {
		_, err := s.Send(mmsg.NewMsg(), []byte("other"), nil, &self, 0)
		return err
	}
	require.NoError(t, other())
	require.NoError(t, in.Loop(func(int) bool {
		require.NoError(t, s.Expire())
		for range 2 {
			require.ErrorIs(t, other(), os.ErrDeadlineExceeded)
			n, err := out.SendRange(0, 1, 0)
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
		require.ErrorIs(t, other(), os.ErrDeadlineExceeded)
		return false
	}))
	_, err := out.SendRange(0, 1, 0)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "the Loop has ended")
}
