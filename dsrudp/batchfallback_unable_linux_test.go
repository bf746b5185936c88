//go:build linux && (amd64 || arm64)

package dsrudp_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestOffloadUnable: where the device cannot do what segments need (EIO) the
// datagrams leave one by one, from the same source, and no more are merged for
// that remote address, however short. After several such addresses none are for
// any.
//
// A seccomp filter is that device. It goes by the number of messages, which is
// two only where a test wants the first of two merged messages to fail.
func TestOffloadUnable(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	const hostFault = 8 // of internal/offload
	forbid(t, unix.EIO, unix.SYS_SENDMMSG, map[int]uint32{2: 2})
	for _, network := range []string{"udp4", "udp"} {
		c := listen(t, network, ":0")
		able := dialTrains(t, c, vips[0]) // from 127.0.0.1
		toAble := pathFrom(c, vips[0], able)
		for i := range hostFault {
			local := netip.MustParseAddrPort(fmt.Sprintf("127.0.1.%d:0", 1+i))
			x := dial(t, local, netip.AddrPortFrom(vips[1], portOf(c)))
			setsockopts(t, x, [2]int{unix.IPPROTO_UDP, unix.UDP_GRO})
			path := pathFrom(c, vips[1], x)

			ps, all := packetsOf(path, true, 10, 10, 10, 10, 7)
			more, allMore := packetsOf(toAble, true, times(5, 10)...)
			writeAll(t, c, append(ps, more...))
			requireTrains(t, x, train{all[:10], 0}, train{all[10:20], 0}, train{all[20:30], 0}, train{all[30:40], 0}, train{all[40:], 0})
			requireTrains(t, able, train{allMore, 10})
			require.EqualValues(t, 1+i, c.Stats().OffloadFallbacks)

			for _, size := range []int{10, 1} {
				ps, all = packetsOf(path, true, times(3, size)...)
				writeAll(t, c, ps)
				requireTrains(t, x, train{all[:size], 0}, train{all[size : 2*size], 0}, train{all[2*size:], 0})
			}
			if i < hostFault-1 {
				writeAll(t, c, more)
				requireTrains(t, able, train{allMore, 10})
			}
		}
		ps, all := packetsOf(toAble, true, times(3, 10)...)
		writeAll(t, c, ps)
		requireTrains(t, able, train{all[:10], 0}, train{all[10:20], 0}, train{all[20:], 0})
		s := c.Stats()
		require.EqualValues(t, hostFault, s.OffloadFallbacks)
		require.Equal(t, dsrudp.Stats{OffloadFallbacks: hostFault, PathBytes: s.PathBytes}, s, "nothing failed")
	}
}
