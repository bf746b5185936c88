//go:build linux

package plan

import "slices"

// A Check holds a measured ratio against the floor that this project must not
// fall short of and the target that it is to chase.
type Check struct {
	// Row is the row of the table of floors that it is part of.
	Row string
	// Of and Over are labels of entries of the scenario: the ratio is that of
	// the metric of Of over that of Over. Without Over it is no ratio but the
	// number itself.
	Scenario string
	Metric   Metric
	Of, Over string
	// GainOf and GainOver are a second pair that the ratio is over in turn.
	GainOf, GainOver string
	// The ratio is to be at most these, or with AtLeast at least.
	Floor, Target float64
	AtLeast       bool
}

// Meets reports whether a value is on the good side of a bound.
func (c Check) Meets(value, bound float64) bool {
	if c.AtLeast {
		return value >= bound
	}
	return value <= bound
}

// Labels are those of the entries that it needs.
func (c Check) Labels() []string {
	return slices.DeleteFunc([]string{c.Of, c.Over, c.GainOf, c.GainOver}, func(s string) bool { return s == "" })
}

// Needed leaves of scenarios what the checks need, and of each of them the
// baseline and the limit.
func Needed(scenarios []Scenario, checks []Check) []Scenario {
	var needed []Scenario
	for _, s := range scenarios {
		labels := []string{s.Baseline, s.Limit}
		for _, c := range checks {
			if c.Scenario == s.Name {
				labels = append(labels, c.Labels()...)
			}
		}
		if len(labels) == 2 {
			continue
		}
		s.Entries = slices.DeleteFunc(slices.Clone(s.Entries), func(e Entry) bool { return !slices.Contains(labels, e.Label) })
		needed = append(needed, s)
	}
	return needed
}
