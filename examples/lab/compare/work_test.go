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
	for _, test := range []struct {
		repair   int
		program  program
		apply    func(*lab.Host, []netip.Addr, netip.Addr) error
		question string
	}{
		{1, dropinProgram, nil, "one-vip"},
		{2, naiveProgram, mangle, "one-vip"},
		{3, naiveProgram, dnat, "one-vip"},
		{3, dropinProgram, nil, "memory"},
		{4, boundDSRUDP, nil, "same-host"},
		{6, boundProgram, nil, "one-port"},
		{6, dropinProgram, nil, "fragments"},
		{7, pktinfoProgram, nil, "broadcast"},
	} {
		rs := repairs()
		rs[test.repair].program, rs[test.repair].apply = test.program, test.apply
		id, e := rs[test.repair].ID, little
		e.crowd, e.slabs = []int{1, 10}, func() (int64, error) { return 1 << 20, nil }
		r, err := run(t.Context(), Options{Repairs: []string{id}, Questions: []string{test.question}, Bound: patience, effort: &e}, rs, questions())
		require.NoError(t, err)
		require.Equal(t, Met, r.Cells[0].Verdict, "%s, %s: %s", id, test.question, r.Cells[0].Says)
		require.Contains(t, r.Cells[0].Differs, "another repair was at work", id)
		require.Len(t, r.Faults(), 1, id)
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
