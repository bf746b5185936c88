package dsrudp_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestECNClassSetByXNet: a mark leaves alone the differentiated services that
// golang.org/x/net set on the open Conn, and changes of them.
func TestECNClassSetByXNet(t *testing.T) {
	for _, s := range ecnSockets {
		c := listen(t, s.network, ":0")
		set := ipv4.NewPacketConn(c).SetTOS
		if s.vip.Is6() {
			set = ipv6.NewPacketConn(c).SetTrafficClass
		}
		x := dialVIP(t, c, s.vip)
		setsockopts(t, x, recvClass(s.vip))
		for _, own := range []int{0xb8, 0x48 | 1, 0} {
			require.NoError(t, set(own))
			for _, ecn := range []dsrudp.ECN{dsrudp.CE, dsrudp.ECT0, dsrudp.NotECT} {
				p := packet("1", pathFrom(c, s.vip, x))
				p.ECN = ecn
				writeAll(t, c, []dsrudp.Packet{p})
				require.Equal(t, classOf(own, ecn), readClass(t, x, s.vip), "%s %v", s.network, s.vip)
			}
		}
	}
}
