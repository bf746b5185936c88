//go:build linux

package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
)

// floors has the table of floors and targets: each row, how many checks it is,
// and their bounds in order.
var floors = []struct {
	row    string
	checks int
	bounds string
}{
	{"Server, ReadPackets: saturated", 4, "0.78 0.7, 0.78 0.7, 1.12 1.03, 1.12 1.03"},
	{"Server, ReadPackets: bursts of 8", 2, "0.68 0.6, 0.68 0.6"},
	{"Server, ReadPackets: one in flight", 4, "0.62 0.52, 0.62 0.52, 0.8 0.65, 0.8 0.65"},
	{"Server, ReadPackets: sparse", 2, "0.46 0.38, 0.46 0.38"},
	{"GSO grouping, 8 per flow", 4, "0.38 0.32, 0.38 0.32, 0.52 0.45, 0.52 0.45"},
	{"nothing to group, over grouping off", 1, "1.06 1.02"},
	{"GRO in, GSO out, trains of 16 handed through", 2, "0.1 0.07, 1.2 1.08"},
	{"the same, split for a handler and regrouped", 1, "0.2 0.12"},
	{"drop-in AddrPort, saturated", 1, "1.1 1"},
	{"drop-in ReadFrom over net's", 1, "1.08 1"},
	{"drop-in, read-ahead and coalesced writes", 1, "0.85 0.75"},
	{"drop-in, one in flight", 1, "0.65 0.54"},
	{"drop-in, sparse", 1, "0.5 0.38"},
	{"allocations", 8, "1.05 1.05, 1.05 1.05, 1.05 1.05, 0.05 0.05, 0.05 0.05, 0.05 0.05, 0.05 0.05, 0.05 0.05"},
	{"1 to 65 000 VIPs, over 1", 4, "1.08 1.03, 1.08 1.03, 1.08 1.03, 1.08 1.03"},
	{"1 to 100 000 clients, over 1", 4, "1.12 1.07, 1.12 1.07, 1.12 1.07, 1.12 1.07"},
	{"two SO_REUSEPORT sockets over one, over C's gain", 1, "0.9 1"},
}

func TestTableOfFloors(t *testing.T) {
	all := 0
	for _, f := range floors {
		var bounds string
		n := 0
		for _, c := range plan.Checks() {
			if c.Row != f.row {
				continue
			}
			if n++; n > 1 {
				bounds += ", "
			}
			bounds += fmt.Sprintf("%v %v", c.Floor, c.Target)
		}
		require.Equal(t, f.checks, n, f.row)
		require.Equal(t, f.bounds, bounds, f.row)
		all += n
	}
	require.Len(t, plan.Checks(), all, "a check is in no row of the table")
}

func TestChecksAreOfEntries(t *testing.T) {
	scenarios := plan.Scenarios()
	for _, c := range append(plan.Checks(), plan.Ungrouped()) {
		i := slices.IndexFunc(scenarios, func(s plan.Scenario) bool { return s.Name == c.Scenario })
		require.GreaterOrEqual(t, i, 0, c.Scenario)
		for _, label := range c.Labels() {
			_, ok := scenarios[i].Entry(label)
			require.True(t, ok, "%s: %s", c.Scenario, label)
		}
		require.True(t, c.Meets(c.Target, c.Floor), "%s: a target below the floor", c.Row)
	}
}

func TestNeededIsWhatChecksNeed(t *testing.T) {
	needed := plan.Needed(plan.Scenarios(), plan.Checks())
	require.Less(t, len(needed), len(plan.Scenarios()))
	for _, c := range plan.Checks() {
		i := slices.IndexFunc(needed, func(s plan.Scenario) bool { return s.Name == c.Scenario })
		require.GreaterOrEqual(t, i, 0, c.Scenario)
		for _, label := range c.Labels() {
			_, ok := needed[i].Entry(label)
			require.True(t, ok, "%s: %s", c.Scenario, label)
		}
	}
	for _, s := range needed {
		_, ok := s.Entry(s.Baseline)
		require.True(t, ok, s.Name)
		_, ok = s.Entry("x/net ControlMessage")
		require.False(t, ok, "%s: nothing is held against it", s.Name)
	}
}

func TestWrongSourcesAreCheckedInAllOfOurs(t *testing.T) {
	for _, s := range plan.Scenarios() {
		ours := 0
		for _, e := range s.Entries {
			if e.Server.Ours() {
				ours++
			}
		}
		checks := plan.WrongSources(s)
		require.Len(t, checks, ours)
		for _, c := range checks {
			require.Equal(t, "wrong sources, any mode", c.Row)
			require.True(t, c.Meets(0, c.Floor))
			require.False(t, c.Meets(1, c.Floor))
		}
	}
}
