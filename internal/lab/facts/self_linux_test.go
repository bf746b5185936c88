package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// Other hosts may have the Server's port, as with SIP, IKE and NTP: they are answered by
// it. (What is its own is in dsrudp's tests.)
func TestPromise12_OtherHosts(t *testing.T) {
	s := newCable(t)
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		c := s.wildcard(t, network)
		serve(t, &dsrudp.Server{Handler: echo(t)}, c)
		for _, vip := range f.vips {
			client := dial(t, s.client, netip.AddrPortFrom(f.a, lab.Port), server(vip))
			for range 2 {
				requireAccepted(t, client, s.ask(t, client))
			}
			require.NoError(t, client.Close())
		}
		require.Zero(t, c.Stats().SelfAddressed)
	})
}
