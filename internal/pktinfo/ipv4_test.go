//go:build linux || darwin || freebsd || netbsd || openbsd || windows

package pktinfo

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// received4 is an IPv4 message as the kernel writes it.
func (l *layout) received4(ifindex uint32, local, dst netip.Addr) []byte {
	b := bytes.Clone(l.empty4)
	copy(b[l.data+l.local4:], local.AsSlice())
	copy(b[l.data+l.dst4:], dst.AsSlice())
	if l.index4 >= 0 {
		copy(b[l.data+l.index4:], cat(ifindex))
	}
	return b
}

// TestUnicast4: what is short for one message with one address is what parse would
// say, and nothing is said of others.
func TestUnicast4(t *testing.T) {
	t.Run("this system", func(t *testing.T) { testUnicast4(t, &native, Unicast4) })
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) { testUnicast4(t, &s.layout, s.layout.unicast4) })
	}
}

func testUnicast4(t *testing.T, l *layout, unicast4 func([]byte) (netip.Addr, bool)) {
	knows := func(oob []byte) bool {
		a, ok := unicast4(bytes.Clone(oob))
		if !ok {
			return false
		}
		var info Info
		l.parse(&info, oob)
		require.Equal(t, Info{Local: a, Dst: a, IfIndex: info.IfIndex}, info)
		require.True(t, a.Is4())
		return true
	}
	any4 := netip.IPv4Unspecified()
	for _, local := range []netip.Addr{vip4, host4, bcast4, group4, all4, any4} {
		for _, dst := range []netip.Addr{vip4, host4, bcast4, group4, all4, any4} {
			oob := l.received4(7, local, dst)
			var info Info
			l.parse(&info, oob)
			require.Equal(t, info.Local.IsValid() && info.Local == info.Dst, knows(oob), "%v, %v", local, dst)
		}
	}
	oob := l.received4(7, vip4, vip4)
	require.True(t, knows(oob))
	require.False(t, knows(nil))
	for n := range oob {
		require.False(t, knows(oob[:n]), "%d bytes", n)
	}
	for name, more := range map[string][]byte{
		"twice":       cat(oob, oob),
		"behind IPv6": cat(l.empty6, oob),
		"before IPv6": cat(oob, l.empty6),
	} {
		require.False(t, knows(more), name)
	}
	for i := range l.header {
		for bit := range 8 {
			b := bytes.Clone(oob)
			b[i] ^= 1 << bit
			require.False(t, knows(b), "bit %d of byte %d", bit, i)
		}
	}
}

// TestAppendSourceNative: what is short for one address alone is what the layout
// says, wherever it begins and whatever was there.
func TestAppendSourceNative(t *testing.T) {
	for _, a := range []netip.Addr{vip4, all4, netip.IPv4Unspecified(), none} {
		for used := range 2*native.align + 1 {
			b := bytes.Repeat([]byte{0xa5}, 256)
			want := native.appendSource(bytes.Clone(b[:used]), true, a, 0)
			got := AppendSource(b[:used], true, a, 0)
			require.Equal(t, want, got)
			require.True(t, len(got) == 0 || &b[0] == &got[0], "room was enough")
			require.Equal(t, want, AppendSource(bytes.Clone(b[:used:used]), true, a, 0))
		}
	}
}
