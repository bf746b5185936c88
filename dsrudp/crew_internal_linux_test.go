package dsrudp

import (
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCrew: a reader that is busy finds out that another one was overlooked, in turn,
// and one that is not busy does not ask.
func TestCrew(t *testing.T) {
	for _, batch := range []int{1, 8, 32} {
		served := make(chan struct{}, 1)
		s := &Server{BatchSize: batch, Handler: HandlerFunc(func(ReplyWriter, *Packet) { served <- struct{}{} })}
		var all crew
		for range 3 {
			c, err := ListenPacket("udp4", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { c.Close() })
			all = append(all, newReader(s, c))
		}
		asking, other := all[1], all[2]
		asking.crew = all
		ended := make(chan error, 1)
		go func() { ended <- other.run() }()

		write := func() {
			_, err := asking.c.WriteToUDPAddrPort([]byte("1"), netip.MustParseAddrPort(other.c.LocalAddr().String()))
			require.NoError(t, err)
		}
		// On one processor the other goes on when the test lets it: until it is
		// overlooked, which the runtime's monitor may still prevent.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		overlooked := func() (found bool) {
			for range busy / batch * 2 { // both of the others are asked
				found = asking.received(batch) || found
			}
			return found
		}
		found := false
		for range 1000 {
			write()
			<-served // and it goes on until it waits
			require.False(t, overlooked(), "there is nothing to overlook")
			write()
			for range 4 * busy {
				require.False(t, batch > 1 && asking.received(batch-1), "it is not busy")
			}
			found = overlooked()
			<-served
			if found {
				break
			}
		}
		require.True(t, found)
		require.NoError(t, other.c.Close())
		require.Error(t, <-ended)
	}
}
