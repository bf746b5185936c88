package dsrudp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestServerListenN: one Server for a group of sockets, and clients of two VIPs
// on many ports at once: each gets its own answers, in order. Under -race this looks for
// shared memory too.
func TestServerListenN(t *testing.T) {
	const conns, clients, rounds = 4, 24, 40
	for _, network := range []string{"udp4", "udp"} {
		t.Run(network, func(t *testing.T) {
			cs, err := new(dsrudp.ListenConfig).ListenN(t.Context(), network, ":0", conns)
			require.NoError(t, err)
			s := &dsrudp.Server{Handler: echoing(t)}
			v := serve(t, s, cs...)
			askAll(t, cs[0], clients, rounds)
			require.NoError(t, s.Shutdown(t.Context()))
			require.Equal(t, dsrudp.ErrServerClosed, v.wait(t))
			for _, c := range cs {
				require.Error(t, c.Close())
			}
			requireFree(t, cs[0])
		})
	}
}
