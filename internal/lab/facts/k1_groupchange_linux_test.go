package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// The address to answer a group's requests from is remembered, but not for ever:
// when the interface gets another one, answers come to leave from that. Until then
// they are refused, as the one that is gone cannot be a source.
func TestPromise3_GroupAddressChanges(t *testing.T) {
	// Asymmetric, as there spec_dst, which is always of now, does not tell.
	s := newGroupSite(t, true)
	lc := dsrudp.ListenConfig{Control: bareControl(s.join(t))}
	c := s.listenDSR(t, lc, "udp4", netip.Addr{})
	answered := func() {
		for _, w := range dsrWays {
			for _, group := range groups4[1:] {
				s.ask(t, group)
				r, err := w.receive(c)
				require.NoError(t, err)
				answer := "dsrudp's answer to " + r.payload + " by " + w.name
				require.NoError(t, r.answer(answer))
				s.requireAnswer(t, answer)
			}
		}
	}
	answered()

	changed := netip.MustParsePrefix("198.18.0.1/24")
	require.NoError(t, s.server.AddAddr("eth0", changed))
	require.NoError(t, s.server.DelAddr("eth0", netip.PrefixFrom(s.own, 24)))
	s.own = changed.Addr()
	duoSoon(t, "an answer from the new address", func() bool {
		s.ask(t, groups4[1])
		r, err := dsrPacket.receive(c)
		require.NoError(t, err)
		if err := r.answer("from the new address"); err != nil {
			dsrNotLocal(t, err)
			return false
		}
		s.requireAnswer(t, "from the new address")
		return true
	})
	answered()
}
