//go:build linux && (amd64 || arm64)

package dsrudp_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestOffloadDenied: where a filter stops a merged message that it lets through as datagrams
// (EPERM), these leave one by one. It may have gone by the length, so that those of
// this length are not merged for that remote address any more, and shorter ones are.
func TestOffloadDenied(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	refuseMerged(t, unix.EPERM, func(c *dsrudp.Conn, x *net.UDPConn) {
		path := pathFrom(c, vips[0], x)
		ps, all := packetsOf(path, true, times(3, 10)...)
		writeAll(t, c, ps)
		requireTrains(t, x, train{all[:10], 0}, train{all[10:20], 0}, train{all[20:], 0})
		ps, all = packetsOf(path, true, times(3, 9)...)
		writeAll(t, c, ps)
		requireTrains(t, x, train{all, 9})
	})
}

// TestOffloadNoBuffer: where there is no room for a merged message (ENOBUFS) there may be for
// its datagrams, one by one. It says nothing of the next one.
func TestOffloadNoBuffer(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	refuseMerged(t, unix.ENOBUFS, func(c *dsrudp.Conn, x *net.UDPConn) {
		ps, all := packetsOf(pathFrom(c, vips[0], x), true, times(3, 10)...)
		writeAll(t, c, ps)
		requireTrains(t, x, train{all, 10})
	})
}

// refuseMerged has a merged message fail with errno, of which nothing is lost. What happens to
// the next ones to the same client is then's to look at.
//
// A seccomp filter refuses it. It goes by the number of messages, which is two here
// only.
func refuseMerged(t *testing.T, errno unix.Errno, then func(c *dsrudp.Conn, x *net.UDPConn)) {
	t.Helper()
	forbid(t, errno, unix.SYS_SENDMMSG, map[int]uint32{2: 2})
	for _, network := range []string{"udp4", "udp"} {
		c := listen(t, network, ":0")
		x, other := dialTrains(t, c, vips[0]), dialTrains(t, c, vips[1])
		ps, all := packetsOf(pathFrom(c, vips[0], x), true, 10, 10, 7)
		more, allMore := packetsOf(pathFrom(c, vips[1], other), true, times(5, 10)...)
		writeAll(t, c, append(ps, more...))
		requireTrains(t, x, train{all[:10], 0}, train{all[10:20], 0}, train{all[20:], 0})
		requireTrains(t, other, train{allMore, 10})
		then(c, x)
		s := c.Stats()
		require.Equal(t, dsrudp.Stats{OffloadFallbacks: 1, PathBytes: s.PathBytes}, s, "nothing failed")
	}
}
