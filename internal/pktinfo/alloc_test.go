//go:build !race

package pktinfo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAllocs(t *testing.T) {
	for _, s := range systems() {
		l := &s.layout
		oob := cat(s.other(), s.message6(7, vip6), s.message4(7, vip4, vip4), s.other())
		room := make([]byte, 0, Size)
		into := make([]byte, Size)
		var info Info
		for name, f := range map[string]func(){
			"parse":        func() { l.parse(&info, oob) },
			"append4":      func() { l.appendSource(room, true, vip4, 0) },
			"append6":      func() { l.appendSource(room, false, vip6, 7) },
			"requests":     func() { _, _ = l.requests(oob) },
			"appendOthers": func() { l.appendOthers(room, oob) },
			"cut":          func() { l.cut(into[:60], oob) },
			"Parse":        func() { info = Parse(oob) },
			"Unicast4":     func() { Unicast4(oob) },
			"AppendSource": func() { AppendSource(room, true, vip4, 0) },
			"Requested":    func() { _, _, _ = Requested(nil) },
			"RequestedFor": func() { _, _, _ = RequestedFor(nil, true) },
			"AppendOthers": func() { AppendOthers(room, oob) },
			"Cut":          func() { Cut(into[:60], oob) },
		} {
			require.Zero(t, testing.AllocsPerRun(100, f), "%s, %s", name, s.name)
		}
	}
}
