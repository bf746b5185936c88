//go:build linux

package compare

import (
	"encoding/json"
	"io"

	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

// WriteJSON writes the result as one object: whether it is good and else what is
// wrong, how long it took, what was compared, and the cells question by question.
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
		Typos []repair.Typo `json:"typos"`
	}{len(faults) == 0, faults, r, repair.Typos})
}
