//go:build linux

package load

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJudge(t *testing.T) {
	vip4, vip6 := []byte{127, 1, 0, 3}, []byte{0xfd, 0, 0, 0xd5, 15: 7}
	for _, vip := range [][]byte{vip4, vip6} {
		b := make([]byte, 64)
		putHeader(b, vip, 42)
		require.Equal(t, right, judge(b, vip, 9000, 9000))
		require.Equal(t, wrongSource, judge(b, vip, 9001, 9000), "the port")
		other := append([]byte(nil), vip...)
		other[len(other)-1]++
		require.Equal(t, wrongSource, judge(b, other, 9000, 9000), "the address")
		require.Equal(t, wrongPayload, judge(b[:HeaderLen-1], vip, 9000, 9000), "cut")
		b[0]++
		require.Equal(t, wrongPayload, judge(b, vip, 9000, 9000), "changed")
	}
}

// destinations returns how often the generator writes to each VIP in n messages.
func destinations(g *Generator, l Load, n int) map[string]int {
	if err := l.validate(); err != nil {
		panic(err)
	}
	g.prepare(l)
	seen := make(map[string]int)
	for range n / maxBatch {
		g.fill(maxBatch)
		for i := range maxBatch {
			seen[string(g.sent.names[i][4:8])]++
		}
	}
	return seen
}

func TestFlows(t *testing.T) {
	g := new(Generator)
	eights := Load{VIPs: 8, Size: 64, Window: 64, Flow: 8}
	for vip, n := range destinations(g, eights, 512) {
		require.Equal(t, 64, n, "%x", vip)
	}
	g.fill(5) // leaves a flow unfinished, which is not to become the next load's
	require.NoError(t, eights.validate())
	g.prepare(eights)
	for free, want := range map[int]int{64: 64, 63: 56, 40: 40, 8: 8, 5: 5} {
		require.Equal(t, want, g.messages(free), "no flow is parted, if it can be helped")
	}
	g.fill(16)
	for i := range 8 {
		require.Equal(t, g.sent.names[0], g.sent.names[i], "8 in a row")
		require.Equal(t, g.sent.names[8], g.sent.names[8+i], "8 in a row")
	}
	require.NotEqual(t, g.sent.names[7], g.sent.names[8])

	require.Len(t, destinations(g, Load{VIPs: 64, Size: 64, Window: 64}, 64), 64)
	require.Len(t, destinations(g, Load{VIPs: 65_000, Size: 64, Window: 64}, 65_024), 65_000)
}

func TestLoadIsValidated(t *testing.T) {
	for name, l := range map[string]Load{
		"too small for a header": {Size: HeaderLen - 1},
		"too long a train":       {Size: 1200, Train: 64, Window: 64},
		"too many VIPs":          {Size: 64, VIPs: MaxAddrs + 1},
		"too many clients":       {Size: 64, Clients: MaxAddrs + 1},
		"a window for no train":  {Size: 64, Train: 16, Window: 8},
	} {
		require.Error(t, l.validate(), name)
	}
}
