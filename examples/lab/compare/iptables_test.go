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
		{repair.ErrNotInstalled, netip.Addr.IsValid, "iptables is not installed here: its rules were made through nf_tables instead, as for the next repair"},
		{errors.New("no lock"), netip.Addr.Is6, "iptables does not work here (no lock): its rules were made through nf_tables instead, as for the next repair"},
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
