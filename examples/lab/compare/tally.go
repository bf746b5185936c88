//go:build linux

package compare

import (
	"fmt"
	"slices"
	"strings"
)

// counted are the outcomes in the order in which they are told, with what is said
// of each and the name under which its number stands in a cell.
var counted = []struct {
	outcome outcome
	number  string
	says    func(by string) string // by which addresses or interfaces
}{
	{rejected, "rejected", func(by string) string { return "rejected, with " + by + " for a source" }},
	{dropped, "dropped", func(by string) string { return "from " + by + ", which did not reach the socket that asked" }},
	{crossed, "crossed", func(string) string { return "from the other address that was asked" }},
	{refused, "refused", func(string) string { return "refused (ECONNREFUSED)" }},
	{unanswered, "unanswered", func(string) string { return "that reached the server's host, which no answer left" }},
	{astray, "astray", func(by string) string { return "whose answer left the server's host by " + by + " and did not arrive" }},
	{lost, "lost", func(string) string { return "lost without a word" }},
}

// tally says what became of requests, and whether all were accepted.
func tally(rs []*request) (met bool, says string) {
	count := make(map[outcome]int)
	by := make(map[outcome][]string)
	for _, r := range rs {
		count[r.outcome]++
		if r.stray.IsValid() {
			by[r.outcome] = append(by[r.outcome], r.stray.Addr().String())
		}
		if r.leftBy != "" {
			by[r.outcome] = append(by[r.outcome], r.leftBy)
		}
	}
	parts := []string{fmt.Sprintf("%d of %d accepted", count[accepted], len(rs))}
	for _, o := range counted {
		if n := count[o.outcome]; n > 0 {
			slices.Sort(by[o.outcome])
			parts = append(parts, fmt.Sprintf("%d %s", n, o.says(enumerate(slices.Compact(by[o.outcome])))))
		}
	}
	return count[accepted] == len(rs), strings.Join(parts, "; ")
}

// tallyByAddress is tally for the requests to each address by themselves: one
// repair fails for one of them alone. Because explains what was not accepted.
func tallyByAddress(rs []*request, because string) []string {
	var says []string
	for len(rs) > 0 {
		to := rs[0].to
		var these, others []*request
		for _, r := range rs {
			if r.to == to {
				these = append(these, r)
			} else {
				others = append(others, r)
			}
		}
		met, s := tally(these)
		if !met {
			s += because
		}
		says, rs = append(says, fmt.Sprintf("%v: %s", to.Addr(), s)), others
	}
	return says
}

// findingOf makes what became of requests a finding, which is met if all were
// accepted. It is told by address where it differs.
func findingOf(rs []*request, because string) finding {
	met, says := tally(rs)
	f := finding{verdict: verdict(met), says: says, happened: tallyByAddress(rs, because), numbers: numbers(rs)}
	switch {
	case met:
	case len(f.happened) > 1 && f.numbers["accepted"] > 0:
		f.says = strings.Join(f.happened, "; ")
	default:
		f.says += because
	}
	return f
}

// numbers counts requests by outcome. Outcomes that did not occur count 0.
func numbers(rs []*request) map[string]float64 {
	n := map[string]float64{"requests": float64(len(rs)), "accepted": 0, "timeouts": 0}
	for _, o := range counted {
		n[o.number] = 0
	}
	for _, r := range rs {
		if r.outcome == accepted {
			n["accepted"]++
		}
		for _, o := range counted {
			if r.outcome == o.outcome {
				n[o.number]++
			}
		}
		if r.timedOut() {
			n["timeouts"]++
		}
	}
	return n
}

// sum adds numbers of one scene to those of others.
func sum(all, more map[string]float64) map[string]float64 {
	if all == nil {
		all = make(map[string]float64)
	}
	for name, n := range more {
		all[name] += n
	}
	return all
}
