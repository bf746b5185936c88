package mmsg_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// sourceOf returns a control message with 127.0.0.last as source, or none for 0.
func sourceOf(last byte) []byte {
	if last == 0 {
		return nil
	}
	return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{127, 0, 0, last}})
}

// TestControlSent: a message leaves with its own control messages, or none although the
// one in its place before had some, also those that were set or added to later.
func TestControlSent(t *testing.T) {
	x, _ := socket(t, "udp4", ":0")
	y, to := local(t)
	out, m := x.NewOut(2, unix.CmsgSpace(12)), mmsg.NewMsg()
	requireFrom := func(last byte) {
		t.Helper()
		r, err := recv(y, m, nil, m.Room[:])
		require.NoError(t, err)
		require.Equal(t, netip.AddrFrom4([4]byte{127, 0, 0, max(last, 1)}), r.From.AddrPort.Addr())
	}
	for _, sources := range [][2]byte{{2, 3}, {0, 2}, {3, 0}, {0, 0}} {
		for _, last := range sources {
			out.Begin(to, append(out.Control(), sourceOf(last)...))
		}
		sendOut(t, out, 0, 2)
		out.Begin(to, append(out.Control(), sourceOf(sources[0])...))
		out.SetControl(0, sourceOf(sources[1]))
		sendOut(t, out, 0, 1)
		n, err := x.TrySend(m, nil, append(m.Room[:0], sourceOf(sources[0])...), to)
		require.NoError(t, err)
		require.Zero(t, n)
		for _, last := range []byte{sources[0], sources[1], sources[1], sources[0]} {
			requireFrom(last)
		}
	}
	for _, room := range []int{0, unix.CmsgSpace(12), 2 * unix.CmsgSpace(12)} {
		out := x.NewOut(1, room)
		control := append(out.Control(), sourceOf(2)...)
		out.Begin(to, control)
		out.SetControl(0, append(out.ControlOf(0), sourceOf(3)...)) // of two the last counts
		both := out.ControlOf(0)
		require.Equal(t, slices.Concat(sourceOf(2), sourceOf(3)), both)
		require.Equal(t, room >= len(both), &control[0] == &both[0], "it grows in the room there is")
		sendOut(t, out, 0, 1)
		requireFrom(3)
	}
}
