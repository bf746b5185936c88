//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !windows

package dsrudp_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestUnsupported: where the system does not report the destinations of datagrams,
// listening is an error: there is no Conn that answers from the wrong address.
func TestUnsupported(t *testing.T) {
	c, err := dsrudp.ListenPacket("udp", ":0")
	require.Nil(t, c)
	require.ErrorIs(t, err, dsrudp.ErrNotSupported)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}
