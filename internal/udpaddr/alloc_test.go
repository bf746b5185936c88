//go:build !race

package udpaddr_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

var sink *net.UDPAddr

func TestAllocations(t *testing.T) {
	for remote, locals := range family {
		require.EqualValues(t, 1, testing.AllocsPerRun(1000, func() { sink = udpaddr.New(remote, locals[0], 1) }), remote)
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			if _, _, ok := udpaddr.Parse(sink); !ok {
				panic("not a carrier")
			}
		}), remote)
	}
}
