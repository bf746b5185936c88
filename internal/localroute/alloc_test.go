//go:build !race

package localroute_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
)

// What is remembered costs neither an allocation nor a question to the kernel.
func TestRememberedIsFree(t *testing.T) {
	r := newRoutes(single(vip), vips)
	table := r.table()
	var m localroute.Memo
	requireLocal(t, table, &m, vip, true)
	requireLocal(t, table, &m, vips.Addr(), true)
	table.Received(&m, other, 0)
	asked := len(r.asked)

	inRange := vips.Addr()
	for name, f := range map[string]func(){
		"memo":               func() { _, _ = table.Local(&m, vip, 3) },
		"single":             func() { _, _ = table.Local(nil, vip, 3) },
		"range":              func() { inRange = inRange.Next(); _, _ = table.Local(&m, inRange, 3) },
		"received":           func() { _, _ = table.Local(nil, other, 3) },
		"receive, by memo":   func() { table.Received(&m, vip, 3) },
		"receive, single":    func() { table.Received(nil, vip, 3) },
		"receive, not local": func() { table.Received(nil, other, 3) },
	} {
		require.Zero(t, testing.AllocsPerRun(100, f), name)
	}
	require.Len(t, r.asked, asked)
	require.Equal(t, 1, r.asked[vip])
}
