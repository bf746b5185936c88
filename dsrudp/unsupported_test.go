//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !windows

package dsrudp_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestUnsupported: where the system does not tell where datagrams were sent to,
// listening fails, and there is never a Conn that answers wrong.
func TestUnsupported(t *testing.T) {
	c, err := dsrudp.ListenPacket("udp", ":0")
	require.Nil(t, c)
	require.ErrorIs(t, err, dsrudp.ErrNotSupported)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}
