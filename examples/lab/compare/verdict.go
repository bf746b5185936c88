//go:build linux

package compare

import "fmt"

// Faults says what was not as it has to be: questions that could not be put,
// surprises, and questions that dsrudp does not meet. There are none if the
// comparison is good. A table of connections that is too large to fill is the
// machine's, and no fault.
func (r *Result) Faults() []string {
	var faults []string
	for _, c := range r.Cells {
		name := fmt.Sprintf("%s, %s", r.question(c.Question).Title, r.repair(c.Repair).Name)
		switch {
		case c.Verdict == "" || c.Verdict == Failed:
			faults = append(faults, fmt.Sprintf("%s: could not be found out: %s", name, c.Says))
		case c.Surprise:
			faults = append(faults, fmt.Sprintf("%s: %s, %s: %s", name, c.Verdict, c.Differs, c.Says))
		case c.Repair == DSRUDP && c.Verdict == NotMet:
			faults = append(faults, fmt.Sprintf("%s: %s: %s", name, c.Verdict, c.Says))
		}
	}
	return faults
}

// ran returns the number of cells whose question was put, or whose answer was read.
func (r *Result) ran() int {
	n := 0
	for _, c := range r.Cells {
		if c.Verdict != "" && c.Verdict != Failed && c.Verdict != TooLarge {
			n++
		}
	}
	return n
}

// whence says of the cells whether each is from a run. What is read in the programs
// is from none.
func (r *Result) whence() string {
	all, ran, read := len(r.Repairs)*len(r.Questions), r.ran(), 0
	for _, c := range r.Cells {
		if r.question(c.Question).reads && c.Verdict != "" && c.Verdict != Failed {
			read++
		}
	}
	says := fmt.Sprintf("%d of %d cells are from this run", ran-read, all)
	if read > 0 {
		says += fmt.Sprintf(", %d are read in the programs", read)
	}
	if ran < all {
		says += ", the others say why not"
	}
	return says
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
