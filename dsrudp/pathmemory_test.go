package dsrudp_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestUnknownRemote: nothing is known of a remote that never wrote: sent as net
// would and counted, or refused with Strict.
func TestUnknownRemote(t *testing.T) {
	for _, strict := range []bool{false, true} {
		c := listenWith(t, &dsrudp.ListenConfig{Strict: strict}, "udp4", ":0")
		x, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(t, err)
		defer x.Close()
		sends := []func() error{
			func() error { _, err := c.WriteTo([]byte("hi"), x.LocalAddr()); return err },
			func() error { _, err := c.WriteToUDP([]byte("hi"), x.LocalAddr().(*net.UDPAddr)); return err },
			func() error { _, err := c.WriteToUDPAddrPort([]byte("hi"), addrPortOf(x.LocalAddr())); return err },
			func() error { _, _, err := c.WriteMsgUDP([]byte("hi"), nil, x.LocalAddr().(*net.UDPAddr)); return err },
			func() error {
				_, _, err := c.WriteMsgUDPAddrPort([]byte("hi"), nil, addrPortOf(x.LocalAddr()))
				return err
			},
		}
		for i, send := range sends {
			err := send()
			if strict {
				require.ErrorIs(t, err, dsrudp.ErrNoPath)
			} else {
				require.NoError(t, err)
				require.Equal(t, "hi", read(t, x))
			}
			require.EqualValues(t, i+1, c.Stats().UnknownPath)
		}
	}
}

// TestAmbiguousRemote: one port that wrote to two VIPs: the last one wins and is
// counted, or Strict refuses.
func TestAmbiguousRemote(t *testing.T) {
	for _, strict := range []bool{false, true} {
		c := listenWith(t, &dsrudp.ListenConfig{Strict: strict}, "udp4", ":0")
		x, y := dialOnePort(t, c, vips[0], vips[1])
		b := make([]byte, 16)
		write(t, x, "1")
		_, client, err := c.ReadFromUDPAddrPort(b)
		require.NoError(t, err)
		_, ok := c.PathTo(client)
		require.True(t, ok)
		require.Zero(t, c.Stats().AmbiguousPath)
		write(t, y, "2")
		_, _, err = c.ReadFromUDPAddrPort(b)
		require.NoError(t, err)

		p, ok := c.PathTo(client)
		require.Equal(t, !strict, ok)
		_, err = c.WriteToUDPAddrPort([]byte("hi"), client)
		require.EqualValues(t, 1, c.Stats().AmbiguousPath)
		if strict {
			require.ErrorIs(t, err, dsrudp.ErrNoPath)
			require.EqualValues(t, 1, c.Stats().Refused)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, vips[1], p.Local.Addr())
		require.Equal(t, "hi", read(t, y))
	}
}

// TestPathMemoryOff: without the memory an AddrPort has no path.
func TestPathMemoryOff(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{PathMemory: -1, Strict: true}, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	_, client, err := c.ReadFromUDPAddrPort(make([]byte, 16))
	require.NoError(t, err)
	_, err = c.WriteToUDPAddrPort([]byte("2"), client)
	require.ErrorIs(t, err, dsrudp.ErrNoPath)
	_, ok := c.PathTo(client)
	require.False(t, ok)
	require.Zero(t, c.Stats().PathEntries)

	// What carries the path needs no memory.
	write(t, x, "3")
	_, a, err := c.ReadFrom(make([]byte, 16))
	require.NoError(t, err)
	_, err = c.WriteTo([]byte("4"), a)
	require.NoError(t, err)
	require.Equal(t, "4", read(t, x))
}

// TestPathMemoryBound: it holds no more remotes than it is told, and counts the
// ones that made room.
func TestPathMemoryBound(t *testing.T) {
	const bound, clients = 8, 40
	c := listenWith(t, &dsrudp.ListenConfig{PathMemory: bound}, "udp4", ":0")
	for range clients {
		x := dialVIP(t, c, vips[0])
		write(t, x, "1")
		_, a, err := c.ReadFromUDPAddrPort(make([]byte, 16))
		require.NoError(t, err)
		_, err = c.WriteToUDPAddrPort([]byte("2"), a)
		require.NoError(t, err)
		require.Equal(t, "2", read(t, x), "the newest is always known")
	}
	s := c.Stats()
	require.LessOrEqual(t, s.PathEntries, bound)
	require.EqualValues(t, clients, uint64(s.PathEntries)+s.PathEvicted)
	require.Positive(t, s.PathBytes)
}

// TestForeignCarrier: an address is believed by the Conn that returned it and by
// its group, not by others: the other's local addresses need not be ours.
func TestForeignCarrier(t *testing.T) {
	c := listen(t, "udp4", ":0")
	other := listenWith(t, &dsrudp.ListenConfig{Strict: true}, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	_, a, err := c.ReadFrom(make([]byte, 16))
	require.NoError(t, err)
	_, err = other.WriteTo([]byte("2"), a)
	require.ErrorIs(t, err, dsrudp.ErrNoPath)
	_, err = c.WriteTo([]byte("3"), a)
	require.NoError(t, err)
	require.Equal(t, "3", read(t, x))
}
