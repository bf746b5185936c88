//go:build linux

package compare

import (
	"encoding/json"
	"io"

	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

// WriteJSON writes the result as one object: whether it is good and else what is
// wrong, how long it took, what was compared, the cells question by question, what
// they say to the document's claims, and what is wrong in its commands.
func (r *Result) WriteJSON(w io.Writer) error {
	faults := r.Faults()
	if faults == nil {
		faults = []string{} // a list also when it is empty
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		OK     bool     `json:"ok"`
		Faults []string `json:"faults"`
		*Result
		Claims []Claim       `json:"claims"`
		Typos  []repair.Typo `json:"typos"`
	}{len(faults) == 0, faults, r, r.Claims(), repair.Typos})
}
