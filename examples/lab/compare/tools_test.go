//go:build linux

package compare

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

// Where a tool is missing or fails, in one family even, its rules are made all the
// same, and the note says why.
func TestWithoutTools(t *testing.T) {
	labtest.Need(t)
	const without = "rules made over netlink; the commands below were not run: "
	for _, test := range []struct {
		tool    string
		fails   func(netip.Addr) bool
		command repair.Command
		note    string
	}{
		{"no-such-tool", netip.Addr.IsValid, repair.Command{"no-such-tool"}, without + "no-such-tool is not installed here"},
		{"false", netip.Addr.Is6, repair.Command{"false"}, without + "false does not work here (repair: on false: false: exit status 1: )"},
		{"iptables", netip.Addr.Is6, repair.Command{"false"}, "NOT MADE BY IPTABLES: " + without + "iptables does not work here (repair: on iptables: false: exit status 1: )"},
	} {
		rs := repairs()[1:2]
		rs[0].tool = test.tool
		rs[0].commands = func(_ uint16, internal netip.Addr, _ ...netip.Addr) []repair.Command {
			if test.fails(internal) {
				return []repair.Command{test.command}
			}
			return nil
		}
		require.NoError(t, useTools(rs))
		require.Equal(t, test.note, rs[0].Note)
		if test.tool == "iptables" {
			require.Equal(t, "DNAT by iptables (by nf_tables)", rs[0].Name)
			require.Equal(t, "ipt.=nft", rs[0].Short, "the head of its column says it too")
		}
		require.Nil(t, rs[0].clear, "there is no iptables to do it")
		r, err := run(t.Context(), Options{Questions: []string{"direct", "one-vip"}, Bound: patience}, rs, questions())
		require.NoError(t, err)
		require.Empty(t, r.Faults())
	}
}

// The note says by what rules were made, and that is what they were made by.
func TestTools(t *testing.T) {
	labtest.Need(t)
	rs := repairs()
	for _, r := range rs {
		require.Equal(t, r.tool != "", r.Note == overNetlink, r.ID)
	}
	require.NoError(t, useTools(rs))
	for _, r := range rs {
		if r.tool == "" {
			continue
		}
		if !repair.Installed(r.tool) {
			require.ErrorIs(t, repair.Run(labtest.NewHost(t, "server"), repair.Command{r.tool}), repair.ErrNotInstalled)
			require.Contains(t, r.Note, r.tool+" is not installed here")
			continue
		}
		byTool := r
		byTool.byTool()
		failed, err := byTool.try()
		require.NoError(t, err)
		if failed != nil { // iptables as it was, for one, where an ordinary user may not
			require.Contains(t, r.Note, r.tool+" does not work here")
			continue
		}
		require.Equal(t, "rules made by the "+r.tool+" command", r.Note)
		// What no tool takes is refused by the tool.
		err = r.apply(labtest.NewHost(t, "server"), []netip.Addr{{}}, netip.Addr{})
		require.ErrorContains(t, err, "invalid IP", r.ID)
		require.False(t, errors.Is(err, repair.ErrNotInstalled))
	}
}
