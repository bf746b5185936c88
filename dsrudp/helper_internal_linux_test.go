package dsrudp

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func wildcard(t *testing.T, network string) *Conn {
	t.Helper()
	c, err := ListenUDP(network, &net.UDPAddr{})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}
