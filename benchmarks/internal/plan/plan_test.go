//go:build linux

package plan_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
	"github.com/dsrudp/go-dsrudp/benchmarks/internal/plan"
)

func TestScenarios(t *testing.T) {
	names := make(map[string]bool)
	for _, s := range plan.Scenarios() {
		require.False(t, names[s.Name], "two scenarios are called %s", s.Name)
		names[s.Name] = true
		labels := make(map[string]bool)
		for _, e := range s.Entries {
			require.False(t, labels[e.Label], "%s: two entries are called %s", s.Name, e.Label)
			labels[e.Label] = true
			require.Equal(t, s.Latency(), e.Load.Latency, "%s: %s", s.Name, e.Label)
			if e.Server.C == nil {
				require.Contains(t, echo.Names(), e.Server.Go.Name)
			}
		}
		require.True(t, labels[s.Baseline], "%s: the baseline is none of the entries", s.Name)
		if s.Limit != "" {
			require.True(t, labels[s.Limit], "%s: the limit is none of the entries", s.Name)
		}
	}
}

func TestEveryServerIsInAScenario(t *testing.T) {
	in := make(map[string]bool)
	for _, s := range plan.Scenarios() {
		for _, e := range s.Entries {
			in[e.Server.Name] = true
		}
	}
	for _, s := range plan.Servers() {
		require.True(t, in[s.Name], s.Name)
	}
}

func TestServersThatReplyWrong(t *testing.T) {
	for _, s := range plan.Servers() {
		require.False(t, s.Wrong && s.Ours(), s.Name)
	}
}

// What the right source costs is seen beside the same calls without it.
func TestCallsInCWithAndWithoutPktinfo(t *testing.T) {
	for _, call := range []string{"recvmsg", "recvmmsg"} {
		wrong := make(map[bool]bool)
		for _, s := range plan.Servers() {
			switch {
			case slices.Equal(s.C, []string{call}):
				require.True(t, s.Wrong, s.Name)
				wrong[true] = true
			case slices.Equal(s.C, []string{call, "pktinfo"}):
				require.False(t, s.Wrong, s.Name)
				wrong[false] = true
			}
		}
		require.Len(t, wrong, 2, call)
	}
}
