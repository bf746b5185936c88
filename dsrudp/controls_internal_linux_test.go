package dsrudp

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestControls: what a message points to stays as it is until tidy, for many
// sources of both families; those that find no place until then get one afterwards.
func TestControls(t *testing.T) {
	var sources []source
	for i := range 100 {
		sources = append(sources,
			source{addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})},
			source{addr: netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 15: byte(i)})},
			source{addr: netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(i)}), ifindex: uint32(i + 1)},
			source{addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), ifindex: 7, pinned: true})
	}
	var cs controls
	for len(sources) > 0 {
		given := map[source][]byte{}
		var left []source
		for i := range sources {
			s := sources[i]
			oob := cs.of(&s)
			if oob == nil {
				left = append(left, s)
				continue
			}
			given[s] = oob
			require.Equal(t, len(oob), cap(oob), "an append would write to what is not its own")
			require.Same(t, &oob[0], &cs.of(&s)[0])
		}
		for s, oob := range given {
			require.Equal(t, appendNamed(nil, &s), oob, s)
		}
		require.Less(t, len(left), len(sources), "those left find no place either")
		require.LessOrEqual(t, len(given), len(cs.slots))
		cs.tidy()
		sources = left
	}
}
