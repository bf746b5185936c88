package facts_test

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// K8.4: what was not sent because there was no room in the send buffer, and the
// caller did not want to wait, or no longer, is no failure to be counted.
func TestK8_4_NoRoomNotCounted(t *testing.T) {
	_, c, _, p, _ := batchDam(t, dsrudp.ListenConfig{})
	before := c.Stats()
	ms := []ipv4.Message{
		{Buffers: [][]byte{[]byte("first")}, OOB: k8Source(p.Local.Addr()), Addr: net.UDPAddrFromAddrPort(p.Remote)},
		{Buffers: [][]byte{[]byte("second")}, OOB: k8Source(p.Local.Addr()), Addr: net.UDPAddrFromAddrPort(p.Remote)},
	}
	for range 2 {
		_, err := c.WriteBatch(ms, unix.MSG_DONTWAIT)
		require.ErrorIs(t, err, unix.EAGAIN)
	}
	require.NoError(t, c.SetWriteDeadline(time.Unix(1, 0)))
	_, err := c.WriteBatch(ms, 0)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	_, err = c.WritePackets([]dsrudp.Packet{batchPacket("first", p), batchPacket("second", p)})
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	_, err = c.WriteToPath([]byte("only"), p)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Equal(t, before, c.Stats())
}
