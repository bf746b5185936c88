//go:build linux

package compare

import (
	"fmt"
	"slices"
	"strings"
)

// tally says what became of requests, and whether all were accepted.
func tally(rs []*request) (met bool, says string) {
	count := make(map[outcome]int)
	from := make(map[outcome][]string)
	for _, r := range rs {
		count[r.outcome]++
		if r.stray.IsValid() {
			from[r.outcome] = append(from[r.outcome], r.stray.Addr().String())
		}
	}
	strays := func(o outcome) string {
		slices.Sort(from[o])
		return enumerate(slices.Compact(from[o]))
	}
	if count[accepted] == len(rs) {
		return true, fmt.Sprintf("%d of %d accepted", len(rs), len(rs))
	}
	parts := []string{fmt.Sprintf("%d of %d accepted", count[accepted], len(rs))}
	for _, o := range []struct {
		outcome outcome
		says    string
	}{
		{rejected, "rejected, as they came from " + strays(rejected)},
		{dropped, "came from " + strays(dropped) + " and did not reach the socket that asked"},
		{crossed, "came from the other address that was asked"},
		{refused, "refused (ECONNREFUSED)"},
		{lost, "lost without a word"},
	} {
		if n := count[o.outcome]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o.says))
		}
	}
	return false, strings.Join(parts, "; ")
}
