package dsrudp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// packets returns n Packets to receive into.
func packets(n, size int) []dsrudp.Packet {
	ps := make([]dsrudp.Packet, n)
	for i := range ps {
		ps[i].Buf = make([]byte, size)
	}
	return ps
}

// packet returns a Packet to send.
func packet(payload string, p dsrudp.Path) dsrudp.Packet {
	return dsrudp.Packet{Buf: []byte(payload), N: len(payload), Path: p}
}

// readAll receives n datagrams, with as many calls as that takes.
func readAll(t *testing.T, c *dsrudp.Conn, n int) (all []dsrudp.Packet) {
	t.Helper()
	for len(all) < n {
		ps := packets(n-len(all), 2048)
		k, err := c.ReadPackets(ps)
		require.NoError(t, err)
		require.Positive(t, k)
		all = append(all, ps[:k]...)
	}
	return all
}
