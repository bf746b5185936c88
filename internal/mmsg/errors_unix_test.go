//go:build unix

package mmsg_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// TestK8_3_Kinds: the kinds of errors, and those that may mean that the source is bad.
func TestK8_3_Kinds(t *testing.T) {
	type is struct {
		kind                               mmsg.Kind
		maybeBad, notAvailable, wasRefused bool
	}
	for errno, want := range map[syscall.Errno]is{
		syscall.EMSGSIZE:      {kind: mmsg.TooLong},
		syscall.EPERM:         {kind: mmsg.Denied},
		syscall.EACCES:        {kind: mmsg.Denied},
		syscall.EHOSTUNREACH:  {kind: mmsg.Other},
		syscall.ENETDOWN:      {kind: mmsg.Other},
		syscall.EHOSTDOWN:     {kind: mmsg.Other},
		syscall.ENETUNREACH:   {kind: mmsg.Other, maybeBad: true},
		syscall.ECONNREFUSED:  {kind: mmsg.Other, wasRefused: true},
		syscall.ENOBUFS:       {kind: mmsg.NoBuffer},
		syscall.ENOMEM:        {kind: mmsg.NoBuffer},
		syscall.EINVAL:        {kind: mmsg.Invalid, maybeBad: true},
		syscall.EADDRNOTAVAIL: {kind: mmsg.Other, maybeBad: true, notAvailable: true},
		syscall.EIO:           {kind: mmsg.IO},
		syscall.ENODEV:        {kind: mmsg.Other},
	} {
		err := os.NewSyscallError("sendmsg", errno)
		require.Equal(t, want, is{mmsg.KindOf(err), mmsg.MayBeBadSource(err), mmsg.AddrNotAvailable(err), mmsg.Refused(err)}, errno.Error())
	}
	require.Equal(t, mmsg.TooLong, mmsg.KindOf(mmsg.ErrTooLong))
	require.Equal(t, mmsg.NoBuffer, mmsg.KindOf(mmsg.ErrWouldBlock))
	require.ErrorIs(t, mmsg.ErrWouldBlock, syscall.EAGAIN)
	require.Equal(t, mmsg.Other, mmsg.KindOf(os.ErrDeadlineExceeded))
}
