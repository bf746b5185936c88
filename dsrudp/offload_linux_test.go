//go:build linux && (amd64 || arm64)

package dsrudp_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A seccomp filter is the filter, device or system that takes no merged message. It goes by
// the number of messages, which is two only where a test wants the first of two to fail.

// unmerged returns what each datagram of size bytes arrives as by itself.
func unmerged(all string, size int) (want []segmented) {
	for ; all != ""; all = all[min(size, len(all)):] {
		want = append(want, segmented{all[:min(size, len(all))], 0})
	}
	return want
}

// refuseMerged has a merged message to x fail, of which no datagram is lost, beside one to
// other that leaves.
func refuseMerged(t *testing.T, c *dsrudp.Conn, x, other *net.UDPConn, vip netip.Addr) {
	t.Helper()
	ps, all := packetsOf(pathFrom(c, vip, x), true, 10, 10, 10, 10, 7)
	more, allMore := packetsOf(pathFrom(c, vips[0], other), true, times(5, 10)...)
	writeAll(t, c, append(ps, more...))
	requireSegmented(t, x, unmerged(all, 10)...)
	requireSegmented(t, other, segmented{allMore, 10})
}

// requireMerged requires that datagrams of that size are merged for x, or that they are not.
func requireMerged(t *testing.T, c *dsrudp.Conn, x *net.UDPConn, vip netip.Addr, size int, merged bool) {
	t.Helper()
	ps, all := packetsOf(pathFrom(c, vip, x), true, times(3, size)...)
	writeAll(t, c, ps)
	if merged {
		requireSegmented(t, x, segmented{all, size})
	} else {
		requireSegmented(t, x, unmerged(all, size)...)
	}
}

// TestOffloadDenied: a filter that stops a merged message (EPERM) may have gone by the
// length, so that shorter datagrams are still merged for that remote address.
func TestOffloadDenied(t *testing.T) {
	testRefused(t, unix.EPERM, false)
}

// TestOffloadNoBuffer: that there was no room for a merged message (ENOBUFS) says nothing of
// the next one.
func TestOffloadNoBuffer(t *testing.T) {
	testRefused(t, unix.ENOBUFS, true)
}

func testRefused(t *testing.T, errno unix.Errno, merged bool) {
	t.Helper()
	if !apart(t, "it did not end") {
		return
	}
	forbid(t, errno, unix.SYS_SENDMMSG, map[int]uint32{2: 2})
	for _, network := range []string{"udp4", "udp"} {
		c := listen(t, network, ":0")
		x, other := dialSegmented(t, c, vips[1]), dialSegmented(t, c, vips[0])
		refuseMerged(t, c, x, other, vips[1])
		requireMerged(t, c, x, vips[1], 10, merged)
		requireMerged(t, c, x, vips[1], 9, true)
		requireOnlyFallbacks(t, c, 1)
	}
}

func requireOnlyFallbacks(t *testing.T, c *dsrudp.Conn, n uint64) {
	t.Helper()
	require.Equal(t, dsrudp.Stats{OffloadFallbacks: n}, faults(c), "nothing failed")
}

// TestK6_4_OffloadUnable: where the device cannot do what segments need (EIO) no more are
// merged for that remote address, however short. After several such addresses none are for
// any.
func TestK6_4_OffloadUnable(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	const hostFault = 8 // of internal/batch
	forbid(t, unix.EIO, unix.SYS_SENDMMSG, map[int]uint32{2: 2})
	for _, network := range []string{"udp4", "udp"} {
		c := listen(t, network, ":0")
		able := dialSegmented(t, c, vips[0]) // from 127.0.0.1
		for i := range hostFault {
			requireMerged(t, c, able, vips[0], 10, true)
			local := netip.MustParseAddrPort(fmt.Sprintf("127.0.1.%d:0", 1+i))
			x := dial(t, local, netip.AddrPortFrom(vips[1], portOf(c)))
			setsockopts(t, x, [2]int{unix.IPPROTO_UDP, unix.UDP_GRO})
			refuseMerged(t, c, x, able, vips[1])
			requireMerged(t, c, x, vips[1], 10, false)
			requireMerged(t, c, x, vips[1], 1, false)
		}
		requireMerged(t, c, able, vips[0], 10, false)
		requireOnlyFallbacks(t, c, hostFault)
	}
}
