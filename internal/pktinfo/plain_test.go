//go:build linux || darwin || freebsd || netbsd || openbsd || windows

package pktinfo

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// received4 is an IPv4 message as this system's kernel writes it, whose local and
// dst are one where it tells no more than that.
func received4(ifindex uint32, local, dst netip.Addr) []byte {
	l := &native
	b := bytes.Clone(l.empty4)
	copy(b[l.data+l.local4:], local.AsSlice())
	copy(b[l.data+l.dst4:], dst.AsSlice())
	if l.index4 >= 0 {
		copy(b[l.data+l.index4:], cat(ifindex))
	}
	return b
}

// agrees holds Unicast4 against Parse, and returns whether it knows the address.
func agrees(t *testing.T, oob []byte) bool {
	t.Helper()
	a, ok := Unicast4(bytes.Clone(oob))
	if !ok {
		return false
	}
	info := Parse(oob)
	require.Equal(t, Info{Local: a, Dst: a, IfIndex: info.IfIndex}, info)
	require.True(t, a.Is4())
	return true
}

// TestUnicast4: it knows what Parse would say, of one message with one address.
func TestUnicast4(t *testing.T) {
	any4 := netip.IPv4Unspecified()
	for _, local := range []netip.Addr{vip4, host4, bcast4, group4, all4, any4} {
		for _, dst := range []netip.Addr{vip4, host4, bcast4, group4, all4, any4} {
			oob := received4(7, local, dst)
			info := Parse(oob)
			require.Equal(t, info.Local.IsValid() && info.Local == info.Dst, agrees(t, oob), "%v, %v", local, dst)
		}
	}
	oob := received4(7, vip4, vip4)
	require.False(t, agrees(t, nil))
	for n := range oob {
		require.False(t, agrees(t, oob[:n]), "%d bytes", n)
	}
	require.False(t, agrees(t, cat(oob, oob)))
	require.False(t, agrees(t, cat(native.empty6, oob)))
	require.False(t, agrees(t, AppendSegmentSize(oob, 7)) && len(AppendSegmentSize(oob, 7)) > len(oob))
	for i := range native.header {
		for bit := range 8 {
			b := bytes.Clone(oob)
			b[i] ^= 1 << bit
			require.False(t, agrees(t, b), "bit %d of byte %d", bit, i)
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
