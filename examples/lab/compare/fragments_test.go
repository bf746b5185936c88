//go:build linux

package compare

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
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
		require.ErrorContains(t, err, "requests at the client: 6 came whole and 0 in 0 fragments, where 6 have to come in 6, and two or more each; the wires of client and servers had:\n")
		require.ErrorContains(t, err, "198.51.100.2.60002: UDP, length 1000\n")
	}
}

func TestFragmentedCheck(t *testing.T) {
	require.NoError(t, fragmented{datagrams: 6, fragments: 18}.check(6, 18))
	for _, f := range []fragmented{
		{},
		{datagrams: 5, fragments: 15},
		{datagrams: 5, fragments: 15, whole: 1},
		{datagrams: 6, fragments: 18, whole: 1},
		{datagrams: 6, fragments: 17},
		{datagrams: 7, fragments: 18},
		{datagrams: 7, fragments: 21},
	} {
		require.Error(t, f.check(6, 18), "%+v", f)
	}
	require.Error(t, fragmented{datagrams: 6, fragments: 6}.check(6, 6), "not cut")
	require.NoError(t, fragmented{}.check(0, 0))
}

func TestPiecesOf(t *testing.T) {
	require.Zero(t, piecesOf(nil))
	require.Equal(t, 1, piecesOf([]int{fragmentPayload - 8}))
	require.Equal(t, 2, piecesOf([]int{fragmentPayload - 7}))
	require.Equal(t, 1+3+3, piecesOf([]int{10, large, large + len(echo.Prefix)}))
}

// A later fragment is one also while its header says that it is the first.
func TestFragmentThatLooksLikeTheFirst(t *testing.T) {
	flow := lab.Flow{Src: netip.MustParseAddrPort("203.0.113.2:40695"), Dst: netip.MustParseAddrPort("198.51.100.2:60002")}
	dots := lab.Flow{Src: netip.MustParseAddrPort("203.0.113.2:11822"), Dst: netip.MustParseAddrPort("198.51.100.2:11822")} // "...."
	var ps pieces
	ps.count([]lab.Packet{
		{Kind: lab.UDP, Outgoing: true, Flow: flow, Payload: make([]byte, 1472), Length: 3000},
		{Kind: lab.UDP, Outgoing: true, Flow: dots, Payload: make([]byte, 1472), Length: 11814},
		{Kind: lab.Fragment, Outgoing: true, Length: 48},
		{Kind: lab.UDP, Flow: lab.Flow{Src: flow.Dst, Dst: flow.Src}, Payload: make([]byte, 10), Length: 10},
	})
	require.Equal(t, pieces{in: fragmented{whole: 1}, out: fragmented{datagrams: 1, fragments: 3}}, ps)
}
