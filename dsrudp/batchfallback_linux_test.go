package dsrudp_test

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestMergedBadSource (K6.4): a source that is not local is each Packet's error,
// and no reason to give up merging.
func TestMergedBadSource(t *testing.T) {
	for _, w := range []struct {
		network string
		vip     netip.Addr
		foreign string
	}{
		{"udp4", vips[0], "198.51.100.77:0"},
		{"udp", vips[0], "198.51.100.77:0"},
		{"udp", netip.IPv6Loopback(), "[2001:db8::77]:0"},
		{"udp6", netip.IPv6Loopback(), "[2001:db8::77]:0"},
	} {
		c := listen(t, w.network, ":0")
		x := dialTrains(t, c, w.vip)
		for _, count := range []int{5, 100} { // the second tells of an older kernel, if anything
			foreign := pathFrom(c, w.vip, x)
			foreign.Local = netip.MustParseAddrPort(w.foreign)
			ps, _ := packetsOf(foreign, true, times(count, 10)...)
			before := c.Stats().Refused
			n, err := c.WritePackets(ps)
			require.Zero(t, n)
			require.ErrorIs(t, err, dsrudp.ErrNotLocal)
			for _, p := range ps {
				requireWriteOp(t, p.Err, dsrudp.ErrNotLocal)
			}
			require.EqualValues(t, count, c.Stats().Refused-before)
			requireNothing(t, x)

			p := packet(bytesOf(0, 10*count), foreign)
			p.SegmentSize = 10
			_, err = c.WritePackets([]dsrudp.Packet{p})
			requireWriteOp(t, err, dsrudp.ErrNotLocal)
		}
		require.Zero(t, c.Stats().OffloadFallbacks)
		ps, all := packetsOf(pathFrom(c, w.vip, x), true, times(100, 10)...)
		writeAll(t, c, ps)
		requireTrains(t, x, train{all, 10})
	}
}

// noCheck has the kernel call segments invalid on a socket.
func noCheck(_, _ string, rc syscall.RawConn) error {
	return rc.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1) })
}

// TestOffloadInvalid (K6.4): a kernel that calls segments invalid gets the
// datagrams one by one, from the same source, and is asked again only for fewer.
// It is one that is not to compute checksums.
func TestOffloadInvalid(t *testing.T) {
	for _, network := range []string{"udp4", "udp"} {
		c := listenWith(t, &dsrudp.ListenConfig{Control: noCheck}, network, ":0")
		x := dialTrains(t, c, vips[1])
		path := pathFrom(c, vips[1], x)
		send := func(count int, fallbacks uint64) {
			t.Helper()
			ps, all := packetsOf(path, true, times(count, 10)...)
			writeAll(t, c, ps)
			var want []train
			for i := range count {
				want = append(want, train{all[10*i:][:10], 0})
			}
			requireTrains(t, x, want...)
			require.Equal(t, fallbacks, c.Stats().OffloadFallbacks)
		}
		foreign := path
		foreign.Local = netip.MustParseAddrPort("198.51.100.77:0")
		ps, _ := packetsOf(foreign, true, times(80, 10)...)
		n, err := c.WritePackets(ps)
		require.Zero(t, n)
		require.ErrorIs(t, err, dsrudp.ErrNotLocal)
		require.Zero(t, c.Stats().OffloadFallbacks, "that was the source")
		send(100, 1) // as if it were an older kernel, with a limit of 64
		send(10, 2)
		send(10, 2)
		send(100, 2)
		p := packet(bytesOf(0, 25), path)
		p.SegmentSize = 10
		writeAll(t, c, []dsrudp.Packet{p})
		requireTrains(t, x, train{bytesOf(0, 25)[:10], 0}, train{bytesOf(0, 25)[10:20], 0}, train{bytesOf(0, 25)[20:], 0})
		require.Zero(t, c.Stats().SendFailed)
	}
}
