package pktinfo_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// TestAppendOffload: x/sys's parser reads what is appended, a 16-bit
// number and an int.
func TestAppendOffload(t *testing.T) {
	oob := pktinfo.AppendSegmentSize(nil, 1200)
	oob = pktinfo.AppendClass(oob, true, 0xb9)
	oob = pktinfo.AppendClass(oob, false, 0xb9)
	ms, err := unix.ParseSocketControlMessage(oob)
	require.NoError(t, err)
	require.Len(t, ms, 3)
	for i, want := range []struct {
		level, typ int32
		size       int
	}{
		{unix.SOL_UDP, unix.UDP_SEGMENT, 2},
		{unix.IPPROTO_IP, unix.IP_TOS, 4},
		{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 4},
	} {
		require.Equal(t, want.level, ms[i].Header.Level)
		require.Equal(t, want.typ, ms[i].Header.Type)
		require.Len(t, ms[i].Data, want.size)
	}
	require.Equal(t, uint8(1), pktinfo.Parse(oob).ECN)
}
