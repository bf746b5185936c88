//go:build !race

package localroute

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is remembered costs neither an allocation nor a question to the kernel.
func TestPromise8_RememberedAllocatesNothing(t *testing.T) {
	r := newRoutes(single(vip), single(vip4), vips)
	a := vips.Addr()
	for _, aged := range []bool{false, true} {
		for name, f := range map[string]func(){
			"local":           func() { _, _ = r.Local(vip, 3) },
			"not local":       func() { _, _ = r.Local(other, 3) },
			"broadcast":       func() { _ = r.Broadcast(vip4) },
			"received":        func() { _, _ = r.Received(vip, 3, other) },
			"received, no":    func() { _, _ = r.Received(other, 3, vip) },
			"received, range": func() { a = a.Next(); _, _ = r.Received(a, 3, other) },
			"local, range":    func() { _, _ = r.Local(a, 0) },
		} {
			r.Tick()
			r.Tick()
			f()
			if aged {
				r.Tick()
			}
			clear(r.asked)
			require.Zero(t, testing.AllocsPerRun(100, f), name)
			require.Equal(t, map[netip.Addr]int{}, r.asked, name)
		}
	}
}
