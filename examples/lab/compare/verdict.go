//go:build linux

package compare

import "fmt"

// Faults says what was not as it has to be: surprises, and questions that dsrudp
// does not meet. There are none if the comparison is good.
func (r *Result) Faults() []string {
	var faults []string
	for _, c := range r.Cells {
		name := fmt.Sprintf("%s, %s", r.question(c.Question).Title, r.repair(c.Repair).Name)
		switch {
		case c.Surprise:
			faults = append(faults, fmt.Sprintf("%s: %s, expected %s (%s): %s", name, c.Verdict, c.Expected, c.Why, c.Says))
		case c.Repair == DSRUDP && c.Verdict != Met:
			faults = append(faults, fmt.Sprintf("%s: %s: %s", name, c.Verdict, c.Says))
		}
	}
	return faults
}

func (r *Result) repair(id string) Repair {
	for _, p := range r.Repairs {
		if p.ID == id {
			return p
		}
	}
	return Repair{Name: id}
}

func (r *Result) question(id string) Question {
	for _, q := range r.Questions {
		if q.ID == id {
			return q
		}
	}
	return Question{Title: id}
}
