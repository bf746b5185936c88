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
	c := udpaddr.Carried{Local: vip4, Group: 1}
	require.EqualValues(t, 1, testing.AllocsPerRun(1000, func() { sink = udpaddr.New(remote4, c.Local, c.Group) }))
	require.EqualValues(t, 1, testing.AllocsPerRun(1000, func() { sink = udpaddr.New(remoteLL, c.Local, c.Group) }))
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, ok := udpaddr.Parse(sink); !ok {
			panic("not a carrier")
		}
	}))
}
