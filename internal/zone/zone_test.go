package zone_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/zone"
)

func cache(t *testing.T) *zone.Cache {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	raw, err := c.(*net.UDPConn).SyscallConn()
	require.NoError(t, err)
	return zone.NewCache(raw)
}

// TestZones compares with net, whose translation of this namespace is right.
func TestZones(t *testing.T) {
	c := cache(t)
	ifis, err := net.Interfaces()
	require.NoError(t, err)
	for range 2 { // from the kernel, then from memory
		for _, ifi := range ifis {
			require.Equal(t, ifi.Name, c.Name(uint32(ifi.Index)))
			require.Equal(t, uint32(ifi.Index), c.Index(ifi.Name))
		}
	}
	require.NotEmpty(t, ifis)
}

// TestUnknownZones: digits stand for themselves, as with net.
func TestUnknownZones(t *testing.T) {
	c := cache(t)
	require.Empty(t, c.Name(0))
	require.Zero(t, c.Index(""))
	const none = 1<<31 - 7
	require.Equal(t, strconv.Itoa(none), c.Name(none))
	require.EqualValues(t, none, c.Index(strconv.Itoa(none)))
	require.Zero(t, c.Index("no such interface"))
	require.Zero(t, c.Index("an interface's name cannot be as long as this"))
}
