//go:build linux

package compare

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// A repair that is met because another one is at work is a surprise.
func TestAnotherRepairAtWork(t *testing.T) {
	labtest.Need(t)
	asks := []string{"one-vip", "cpu", "memory"}
	for _, test := range []struct {
		repair  int
		program program
		apply   func(*lab.Host, []netip.Addr, netip.Addr) error
		met     []string // the questions that are met all the same
	}{
		{1, dropinProgram, nil, asks},
		{2, naiveProgram, mangle, asks},
		{3, naiveProgram, dnat, asks[:2]},
		{3, dropinProgram, nil, asks},
		{4, boundDSRUDP, nil, asks},
		{6, boundProgram, nil, asks},
		{6, dropinProgram, nil, asks},
		{7, pktinfoProgram, nil, asks},
	} {
		rs := repairs()
		rs[test.repair].program, rs[test.repair].apply = test.program, test.apply
		id, e := rs[test.repair].ID, little
		e.crowd, e.slabs = []int{1, 10}, func() (int64, error) { return 1 << 20, nil }
		r, err := run(t.Context(), Options{Repairs: []string{id}, Questions: asks, Bound: patience, effort: &e}, rs, questions())
		require.NoError(t, err)
		require.Len(t, r.Faults(), len(asks), id)
		for _, q := range test.met {
			c := r.Cell(id, q)
			if q == "cpu" { // ten rounds are too few to hold its verdict to
				require.NotEmpty(t, idle(rs[test.repair], r.question(q), finding{verdict: Met, work: c.Work}), id)
				continue
			}
			require.Equal(t, Met, c.Verdict, "%s, %s", id, q)
		}
	}
}

func TestIdle(t *testing.T) {
	dnat, q := Repair{ID: DNATNFT}, Question{ID: "one-vip"}
	const right = "sockets of net, on the wildcard address; connections tracked"
	require.Empty(t, idle(dnat, q, finding{verdict: Met, work: []string{right, right}}))
	require.Empty(t, idle(dnat, q, finding{verdict: Met, work: []string{"sockets of net, on the wildcard address; the firewall tracks"}}))
	require.Empty(t, idle(dnat, q, finding{verdict: NotMet}))
	require.Empty(t, idle(dnat, Question{ID: "change", reads: true}, finding{verdict: Met}))
	require.Equal(t, "it was not seen whether the repair was at work", idle(dnat, q, finding{verdict: Met}))
	for _, wrong := range []string{
		"sockets of net, on the wildcard address; no connection tracked",
		"sockets of dsrudp, on the wildcard address; connections tracked",
		"sockets of net, bound to an address; connections tracked",
		"",
	} {
		require.Equal(t, `another repair was at work: "`+wrong+`", and it has to be "`+right+`"`,
			idle(dnat, q, finding{verdict: Met, work: []string{right, wrong}}))
	}
	for _, r := range repairs() {
		require.NotEmpty(t, atWork[r.ID].sockets, r.ID)
		require.Equal(t, r.stateful, atWork[r.ID].tracked, r.ID)
	}
}
