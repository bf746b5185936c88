//go:build linux || darwin || freebsd || netbsd || openbsd

package pktinfo

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestLayoutOfThisSystem(t *testing.T) {
	require.Equal(t, unix.SizeofCmsghdr, native.header)
	require.Equal(t, unix.CmsgLen(0), native.data)
	for n := range 64 {
		require.Equal(t, unix.CmsgSpace(n), native.space(n), "%d bytes of data", n)
	}
}
