//go:build linux

package compare

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// The wire decides whether there were fragments, also where the answers are
// rejected. Requests that fit into a link are another question.
func TestFragmentsAreSeen(t *testing.T) {
	labtest.Need(t)
	for _, i := range []int{0, len(repairs()) - 1} {
		tr := &trial{repair: repairs()[i], bound: patience}
		f, err := tr.askLarge(t.Context(), large)
		require.NoError(t, err)
		require.Contains(t, f.says, "; the client saw its 12 requests in 36 fragments and 12 answers in 36")
		require.EqualValues(t, 36, f.numbers["fragments of requests"])
		require.EqualValues(t, 36, f.numbers["fragments of answers"])

		_, err = tr.askLarge(t.Context(), 1000)
		require.ErrorContains(t, err, "requests at the client: 6 came whole and 0 in 0 fragments, where 6 have to come in two or more each")
	}
}

func TestFragmentedCheck(t *testing.T) {
	require.NoError(t, fragmented{datagrams: 6, fragments: 18}.check(6))
	for _, f := range []fragmented{
		{},
		{datagrams: 5, fragments: 15},
		{datagrams: 5, fragments: 15, whole: 1},
		{datagrams: 6, fragments: 18, whole: 1},
		{datagrams: 6, fragments: 6},
	} {
		require.Error(t, f.check(6), "%+v", f)
	}
	require.NoError(t, fragmented{}.check(0))
}
