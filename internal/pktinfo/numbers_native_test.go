//go:build linux || darwin || freebsd || netbsd || openbsd

package pktinfo

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestLayoutOfThisSystem(t *testing.T) {
	l := &native
	require.Equal(t, unix.SizeofCmsghdr, l.header)
	require.Equal(t, unix.CmsgLen(0), l.data)
	for n := range 64 {
		require.Equal(t, unix.CmsgSpace(n), l.space(n), "%d bytes of data", n)
	}
	require.LessOrEqual(t, l.space(size6), SourceSize)
	require.LessOrEqual(t, l.space(l.size4), SourceSize)
}
