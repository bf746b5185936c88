package dsrudp

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// TestBegin: a message of several has the control messages that a datagram sent by
// itself has. From the bound address that is none.
func TestBegin(t *testing.T) {
	one, other := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")
	for _, tc := range []struct {
		network, address string
		remote           string
		s                source
		named            bool
	}{
		{"udp", ":0", "127.0.0.1:9", source{addr: one}, true},
		{"udp", ":0", "[::1]:9", source{addr: netip.IPv6Loopback()}, true},
		{"udp4", "127.0.0.2:0", "127.0.0.1:9", source{addr: one}, false},
		{"udp4", "127.0.0.2:0", "127.0.0.1:9", source{addr: one, ifindex: 1, pinned: true}, true},
		{"udp4", "127.0.0.2:0", "127.0.0.1:9", source{addr: other}, true},
		{"udp", "[::ffff:127.0.0.2]:0", "127.0.0.1:9", source{addr: one}, false},
		{"udp6", "[::1]:0", "[::1]:9", source{addr: netip.IPv6Loopback()}, false},
	} {
		c, err := ListenPacket(tc.network, tc.address)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		q := c.newBatchSender().(*batchSender)
		var to target
		c.setTarget(netip.MustParseAddrPort(tc.remote), &to)
		alone, err := q.control(nil, &tc.s, &to, NotECT)
		require.NoError(t, err)
		var want []byte
		if tc.named {
			want = pktinfo.AppendSource(nil, tc.s.addr.Is4(), tc.s.addr, tc.s.ifindex)
		}
		require.Equal(t, string(want), string(alone))
		for range 2 {
			_, err = q.begin(0, 0, &tc.s, &to, NotECT)
			require.NoError(t, err)
			require.Equal(t, string(alone), string(q.batch.Controls(q.batch.Len()-1)), "%s from %v", tc.address, tc.s)
		}
	}
}
