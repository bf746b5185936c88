package dsrudp

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
)

// TestSenderForgets: a pooled sender keeps nothing of what failed, whose error may
// hold much else.
func TestSenderForgets(t *testing.T) {
	long := make([]byte, 65508)
	to := netip.MustParseAddrPort("127.0.0.1:9")
	for name, write := range map[string]func(c *Conn) error{
		"WritePackets": func(c *Conn) error {
			p := Packet{Buf: long, N: len(long), Path: Path{Local: netip.MustParseAddrPort("127.0.0.2:0"), Remote: to}}
			_, err := c.WritePackets([]Packet{p, p, p})
			return err
		},
		"WriteBatch": func(c *Conn) error {
			_, err := c.WriteBatch([]ipv4.Message{{Buffers: [][]byte{long}, Addr: net.UDPAddrFromAddrPort(to)}}, 0)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := wildcard(t, "udp4")
			q := c.newBatchSender().(*batchSender)
			c.senders.New = func() any { return q }
			require.Error(t, write(c))
			failed := q.failed[:cap(q.failed)]
			require.NotEmpty(t, failed, "it was not this sender, or nothing failed")
			for _, f := range failed {
				require.Equal(t, failure{}, f)
			}
			require.Empty(t, q.failed)
		})
	}
}
