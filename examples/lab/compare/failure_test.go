//go:build linux

package compare

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// A measurement that dsrudp does not meet is a fault although no fact of the
// kernel's forbids it; one that cannot be had here is none.
func TestFaults(t *testing.T) {
	r := sample()
	require.Empty(t, r.Faults())
	r.Cell(Bind, "cpu").Verdict = NotMet
	r.Cell(Bind, "full").Verdict = TooLarge
	require.Empty(t, r.Faults())
	r.Cell(DSRUDP, "cpu").Verdict = NotMet
	r.Cell(DSRUDP, "full").Verdict = TooLarge
	require.Len(t, r.Faults(), 1, "nobody's fault is a table that is too large")
	r.Cell(None, "one-vip").Verdict = Failed
	*r.Cell(None, "two-vips") = Cell{Repair: None, Question: "two-vips"}
	require.Len(t, r.Faults(), 3)
	require.Equal(t, "116 of 128 cells are from this run, 8 are read in the programs, the others say why not", r.whence())
}

// A question that cannot be put fails for itself, and the others are put.
func TestFailure(t *testing.T) {
	broken := errors.New("no paper left")
	fine := finding{verdict: Met, says: "fine"}
	r, err := run(t.Context(), Options{Repairs: []string{None, DSRUDP}}, repairs(), []Question{
		{ID: "a", Title: "one by one", reads: true, ask: func(_ context.Context, t *trial) (finding, error) {
			if t.repair.ID == None {
				return finding{}, broken
			}
			return fine, nil
		}},
		{ID: "b", Title: "all together", reads: true, askAll: func(_ context.Context, _ []*trial, found func(int, finding)) error {
			found(1, fine)
			return broken
		}},
		{ID: "c", Title: "forgotten", askAll: func(context.Context, []*trial, func(int, finding)) error { return nil }},
	})
	require.NoError(t, err)
	for _, q := range []string{"a", "b"} {
		require.Equal(t, Failed, r.Cell(None, q).Verdict)
		require.Equal(t, "no paper left", r.Cell(None, q).Says)
	}
	require.Equal(t, Met, r.Cell(DSRUDP, "a").Verdict)
	// An error after everything was found is not lost, nor is what was found.
	require.Equal(t, Failed, r.Cell(DSRUDP, "b").Verdict)
	require.Equal(t, "no paper left; it was found before: met: fine", r.Cell(DSRUDP, "b").Says)
	require.Len(t, r.Faults(), 5)
	require.Equal(t, "one by one, no repair (net): could not be found out: no paper left", r.Faults()[0])
	require.Contains(t, r.Faults()[4], "forgotten, dsrudp: could not be found out: nothing")
}

// A run that is called off has no result.
func TestCalledOff(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := run(ctx, Options{}, repairs(), []Question{
		{ask: func(context.Context, *trial) (finding, error) {
			cancel(nil)
			return finding{verdict: Met}, nil
		}},
		{askAll: func(context.Context, []*trial, func(int, finding)) error {
			require.Fail(t, "it goes on")
			return nil
		}},
	})
	require.ErrorIs(t, err, context.Canceled)
}
