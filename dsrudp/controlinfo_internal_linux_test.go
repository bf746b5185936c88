package dsrudp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// TestInterpretAlways: control messages are remembered only where what they say
// follows from their bytes.
func TestInterpretAlways(t *testing.T) {
	c := wildcard(t, "udp")
	for dst, always := range map[string]bool{
		"::1":                true,
		"2001:db8::1":        true,
		"::ffff:192.0.2.1":   true,
		"fe80::1":            false, // shown with the interface's name
		"ff02::1":            false,
		"::ffff:224.0.0.251": false,
		"::":                 false,
	} {
		oob := pktinfo.AppendSource(nil, false, netip.MustParseAddr(dst), 1)
		var a controlInfo
		require.Equal(t, always, c.interpret(&a, c.newOp().(*op), oob), dst)
	}
	require.False(t, c.interpret(new(controlInfo), c.newOp().(*op), nil))

	// For IPv4 the address that answers stands beside the destination.
	oob := pktinfo.AppendSource(nil, true, netip.MustParseAddr("127.0.0.1"), 1)
	for _, group := range []string{"127.255.255.255", "224.0.0.251"} {
		dst := netip.MustParseAddr(group).As4()
		copy(oob[unix.CmsgLen(8):], dst[:])
		var a controlInfo
		require.False(t, c.interpret(&a, c.newOp().(*op), oob), group)
		require.Equal(t, group, a.orig.String())
		require.Equal(t, source{addr: netip.MustParseAddr("127.0.0.1")}, a.local)
	}
	copy(oob[unix.CmsgLen(8):], []byte{127, 0, 0, 1})
	require.True(t, c.interpret(new(controlInfo), c.newOp().(*op), oob))
}

// TestControlInfoSame: what one datagram's control messages say is said to be the same
// as before only where it is, whether it is remembered or not.
func TestControlInfoSame(t *testing.T) {
	c := wildcard(t, "udp")
	r := c.newBatchReceiver(1)
	for i, d := range []struct {
		dst  string
		same bool
	}{
		{"ff02::1", false},
		{"ff02::1", true},
		{"ff02::2", false},
		{"::1", false},
		{"::1", true},
		{"ff02::2", false},
		{"::1", false},
		{"2001:db8::1", false},
		{"ff02::2", false},
		{"ff02::2", true},
	} {
		dst := netip.MustParseAddr(d.dst)
		same := c.controlInfo(r, pktinfo.AppendSource(nil, false, dst, 1))
		a := r.info
		require.Equal(t, d.same, same, i)
		if dst.IsMulticast() {
			require.Equal(t, source{addr: netip.IPv6Unspecified(), ifindex: 1}, a.local, i)
			require.Equal(t, dst, a.orig, i)
		} else {
			require.Equal(t, source{addr: dst}, a.local, i)
			require.False(t, a.orig.IsValid(), i)
		}
	}
}

// TestControlInfoOfEachReceive: what is not remembered is found out anew with each
// receive.
func TestControlInfoOfEachReceive(t *testing.T) {
	c := wildcard(t, "udp4")
	x, err := net.Dial("udp4", netip.AddrPortFrom(netip.MustParseAddr("127.255.255.255"), c.port).String())
	require.NoError(t, err)
	t.Cleanup(func() { x.Close() })
	r := c.newBatchReceiver(1)
	r.batch.SetBuffer(0, make([]byte, 8))
	for range 2 {
		_, err = x.Write([]byte("1"))
		require.NoError(t, err)
		_, err = r.batch.Recv(1, 0)
		require.NoError(t, err)
		var p Packet
		c.readPeers(r, 1)
		c.fillPacket(r, 0, &p)
		require.Equal(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), c.port), p.Path.Local)
		r.cache.uncached.shown = netip.AddrPort{}
	}
}

// TestControlInfoTrains: trains to one address have each its own segment size, and a
// single datagram none.
func TestControlInfoTrains(t *testing.T) {
	c := wildcard(t, "udp4")
	r := c.newBatchReceiver(1)
	one := netip.MustParseAddr("127.0.0.1")
	for i, d := range []struct {
		seg  uint32
		same bool
	}{{0, false}, {1200, false}, {1200, true}, {512, false}, {0, false}, {0, true}, {512, false}} {
		var oob []byte
		if d.seg > 0 {
			oob = pktinfo.AppendClass(nil, true, 0) // a number too
			h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
			h.Level, h.Type = unix.SOL_UDP, unix.UDP_GRO
			binary.NativeEndian.PutUint32(oob[unix.CmsgLen(0):], d.seg)
		}
		oob = pktinfo.AppendSource4(oob, one.As4())
		copy(oob[len(oob)-unix.CmsgSpace(12)+unix.CmsgLen(8):], one.AsSlice()) // ipi_addr
		require.Equal(t, d.same, c.controlInfo(r, oob), i)
		require.EqualValues(t, d.seg, r.info.seg, i)
		require.Equal(t, one, r.info.shown.Addr(), i)
		known := slices.ContainsFunc(r.cache.unicast4[:], func(m unicast4Entry) bool { return m.to != 0 })
		require.True(t, known, "nothing is remembered")
	}
}

// TestControlInfoLong: control messages that are too long to be remembered are not
// taken for others that they begin with, nor looked at twice in one receive.
func TestControlInfoLong(t *testing.T) {
	c := wildcard(t, "udp")
	r := c.newBatchReceiver(1)
	// An option of the caller's own tells something.
	short := pktinfo.AppendSource(nil, false, netip.IPv6Loopback(), 1)
	short = append(short, make([]byte, maxCached-len(short))...)
	other := short[unix.CmsgSpace(unix.SizeofInet6Pktinfo):]
	h := (*unix.Cmsghdr)(unsafe.Pointer(&other[0]))
	h.SetLen(len(other))
	h.Level, h.Type = unix.SOL_SOCKET, unix.SCM_TIMESTAMPING
	tells := other[unix.CmsgLen(0):]
	long := pktinfo.AppendClass(slices.Clip(short), false, uint8(CE))
	for indexOf(long) != indexOf(short) { // until both have one slot
		binary.NativeEndian.PutUint64(tells, binary.NativeEndian.Uint64(tells)+1)
		copy(long, short)
	}
	for i := range 3 {
		same := c.controlInfo(r, long)
		a := r.info
		require.Equal(t, CE, a.ecn)
		require.Equal(t, i > 0, same)
	}
	for i := range 3 {
		same := c.controlInfo(r, short)
		a := r.info
		require.Equal(t, NotECT, a.ecn)
		require.Equal(t, i > 0, same)
	}
}

// TestReceiverNameless: a datagram that came without a remote address is nobody's
// in the path memory, and hurts nothing.
func TestReceiverNameless(t *testing.T) {
	for _, network := range []string{"udp", "udp4"} {
		c := wildcard(t, network)
		r := c.newBatchReceiver(1)
		for range 2 {
			var p Packet
			c.readPeers(r, 1) // nothing was received: the message has no name
			c.fillPacket(r, 0, &p)
			require.Equal(t, Path{}, p.Path)
			require.Zero(t, c.memory.Len())
		}
		require.EqualValues(t, 2, c.Stats().LostPath)
	}
}
