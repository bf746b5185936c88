//go:build linux

package plan_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
)

func labels(s plan.Scenario) (ls []string) {
	for _, e := range s.Entries {
		ls = append(ls, e.Label)
	}
	return ls
}

func TestScenarios(t *testing.T) {
	names, in := make(map[string]bool), make(map[string]bool)
	for _, s := range plan.Scenarios() {
		require.False(t, names[s.Name], "two scenarios are called %s", s.Name)
		names[s.Name] = true
		ls := labels(s)
		require.NotEmpty(t, s.Layout, s.Name)
		if !s.Probes() {
			require.Contains(t, ls, s.Baseline, s.Name)
			require.Contains(t, ls, s.Limit, s.Name)
		}
		slices.Sort(ls)
		require.Equal(t, len(ls), len(slices.Compact(ls)), "%s: two entries have one label", s.Name)
		for _, e := range s.Entries {
			in[e.Server.Name] = true
			require.Equal(t, s.Latency(), e.Load.Latency, "%s: %s", s.Name, e.Label)
			if e.Server.C == nil {
				require.Contains(t, echo.Names(), e.Server.Go.Name)
			}
		}
	}
	for _, s := range plan.Servers() {
		require.True(t, in[s.Name], "%s is in no scenario", s.Name)
		require.False(t, s.Wrong && s.Ours(), s.Name)
	}
}

// TestVariants: IPv6 and several sockets reach the servers in Go and in C.
func TestVariants(t *testing.T) {
	for _, s := range plan.Scenarios() {
		for _, e := range s.Entries {
			network, sockets := e.Server.Go.Network, e.Server.Go.Sockets == 2
			if e.Server.C != nil {
				sockets = slices.Contains(e.Server.C, "sockets=2")
				switch {
				case slices.Contains(e.Server.C, "dual"):
					network = "udp"
				case slices.Contains(e.Server.C, "ipv6"):
					network = "udp6"
				default:
					network = "udp4"
				}
			}
			want := map[string]string{"ipv6": "udp6", "dual4": "udp", "dual6": "udp"}[s.Name]
			if want == "" {
				want = "udp4"
			}
			require.Equal(t, want, network, "%s: %s", s.Name, e.Label)
			require.Equal(t, s.Name == "ipv6" || s.Name == "dual6", e.Load.IPv6, "%s: %s", s.Name, e.Label)
			require.Equal(t, strings.Contains(e.Label, ", 2 sockets"), sockets, "%s: %s", s.Name, e.Label)
		}
	}
}

// TestNeeded: every entry that a check names exists, and Needed keeps all of them,
// the baseline, and little else.
func TestNeeded(t *testing.T) {
	needed := plan.Needed(plan.Scenarios(), plan.Checks())
	require.Less(t, len(needed), len(plan.Scenarios()))
	for _, c := range plan.Checks() {
		i := slices.IndexFunc(needed, func(s plan.Scenario) bool { return s.Name == c.Scenario })
		require.GreaterOrEqual(t, i, 0, c.Scenario)
		require.Subset(t, labels(needed[i]), c.Labels(), c.Scenario)
		require.LessOrEqual(t, c.Goal, c.Must, c.Row)
		require.Equal(t, needed[i].Layout, c.Layout, c.Row)
	}
	for _, s := range needed {
		require.Contains(t, labels(s), cmp.Or(s.Entries[0].Over, s.Baseline), s.Name)
		require.NotContains(t, labels(s), "x/net ControlMessage", "no check names it")
	}
}

// TestEveryLayoutIsChecked: Server and AddrPort apart, and each probe beside a server
// with one and two sockets, GOMAXPROCS 1 and 2, in a closed loop and under a flood.
func TestEveryLayoutIsChecked(t *testing.T) {
	checked, beside := make(map[string]int), make(map[string]int)
	for _, c := range plan.Checks() {
		if c.Layout == plan.Apart {
			checked[c.Scenario]++
			require.Equal(t, []any{plan.A, 1.2}, []any{c.Over, c.Must})
		}
		if strings.HasPrefix(c.Scenario, "neighbour-") {
			require.Equal(t, strings.TrimPrefix(c.Of, "dsrudp Server"), strings.TrimPrefix(c.Over, plan.A))
			require.Equal(t, 1.5, c.Must)
			beside[c.Scenario+c.Of]++
		}
	}
	for _, s := range plan.Scenarios() {
		if s.Layout == plan.Apart {
			require.Equal(t, 2, checked[s.Name], s.Name)
		}
	}
	require.Len(t, beside, 2*2*2*len(echo.Probes()))
	for of, n := range beside {
		require.Equal(t, 2, n, "%s: p99 and the worst", of)
	}
}
