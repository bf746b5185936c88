//go:build linux

package compare

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

// Where iptables is missing or fails, in one family even, its rules are made all
// the same, and the note says why.
func TestWithoutIPTables(t *testing.T) {
	labtest.Need(t)
	for _, test := range []struct {
		err  error
		only func(netip.Addr) bool
		note string
	}{
		{repair.ErrNotInstalled, netip.Addr.IsValid, "NOT MADE BY IPTABLES: iptables is not installed here, so that its rules were made through nf_tables, as for the next repair. The commands below were not run"},
		{errors.New("no lock"), netip.Addr.Is6, "NOT MADE BY IPTABLES: iptables does not work here (no lock), so that its rules were made through nf_tables, as for the next repair. The commands below were not run"},
	} {
		rs := repairs()
		works := rs[2]
		rs[1].apply = func(_ *lab.Host, vips []netip.Addr, _ netip.Addr) error {
			if test.only(vips[0]) {
				return test.err
			}
			return nil
		}
		require.NoError(t, tryIPTables(rs))
		require.Equal(t, test.note, rs[1].Note)
		require.Equal(t, "DNAT by iptables (by nf_tables)", rs[1].Name)
		require.Equal(t, "ipt.=nft", rs[1].Short, "the head of its column says it too")
		require.Equal(t, works.Note, rs[2].Note)
		r, err := run(t.Context(), Options{Repairs: []string{DNATIPTables}, Questions: []string{"direct", "one-vip"}, Bound: patience}, rs, questions())
		require.NoError(t, err)
		require.Empty(t, r.Faults())
	}
	rs := repairs()
	rs[1].apply = dnat
	require.NoError(t, tryIPTables(rs))
	require.Equal(t, "rules made by the iptables command", rs[1].Note)
}
