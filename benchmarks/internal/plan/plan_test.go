//go:build linux

package plan_test

import (
	"slices"
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
		require.Contains(t, ls, s.Baseline, s.Name)
		if s.Limit != "" {
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
			require.Equal(t, e.Label == e.Server.Name+", 2 sockets", sockets, "%s: %s", s.Name, e.Label)
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
		require.LessOrEqual(t, c.Target, c.Floor, c.Row)
	}
	for _, s := range needed {
		require.Contains(t, labels(s), s.Baseline, s.Name)
		require.NotContains(t, labels(s), "x/net ControlMessage", "no check names it")
	}
}
