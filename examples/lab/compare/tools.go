//go:build linux

package compare

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

// overNetlink is of a repair whose rules were made without the tool that a person
// types into. The kernel's rules are the same; the commands are not tried.
const overNetlink = "rules made over netlink; the commands below were not run"

// byTool has a repair's rules be made by the commands that are shown.
func (r *Repair) byTool() {
	commands := r.commands
	r.apply = func(h *lab.Host, vips []netip.Addr, internal netip.Addr) error {
		return repair.Run(h, commands(echo.Port, internal, vips...)...)
	}
	r.Note = fmt.Sprintf("rules made by the %s command", r.tool)
	if r.tool == "iptables" {
		r.clear = flushIPTables
	}
}

func flushIPTables(h *lab.Host) error {
	return repair.Run(h, repair.Command{"iptables", "-t", "nat", "-F"})
}

// useTools has rules be made by the commands that are shown where their tools are
// there and work: the iptables of old, which does not know nf_tables, may not be
// an ordinary user's to run. Where one does not, rules are made without it, and
// the repair's note says so.
func useTools(rs []Repair) error {
	for i := range rs {
		if rs[i].tool == "" {
			continue
		}
		without := rs[i]
		rs[i].byTool()
		failed, err := rs[i].try()
		if err != nil {
			return err
		}
		if failed != nil {
			rs[i] = without
			rs[i].doWithout(failed)
		}
	}
	return nil
}

// try applies a repair in either family, and returns why it failed if it did; the
// other error is one of the attempt.
func (r Repair) try() (failed, err error) {
	h, err := lab.NewHost(r.tool)
	if err != nil {
		return nil, err
	}
	for _, family := range [][2]netip.Addr{{lab.FirstVIP4, lab.FirstInternal4}, {lab.FirstVIP6, lab.FirstInternal6}} {
		if failed == nil {
			failed = r.apply(h, []netip.Addr{family[0]}, family[1])
		}
	}
	return failed, h.Close()
}

// doWithout says that the rules are made over netlink because of err.
func (r *Repair) doWithout(err error) {
	why := r.tool + " is not installed here"
	if !errors.Is(err, repair.ErrNotInstalled) {
		why = fmt.Sprintf("%s does not work here (%v)", r.tool, err)
	}
	r.Note = fmt.Sprintf("%s: %s", overNetlink, why)
	if r.tool == "iptables" { // its rules are nft's now, and its column is a second one of those
		r.Note = "NOT MADE BY IPTABLES: " + r.Note
		r.Name += " (by nf_tables)"
		r.Short = "ipt.=nft"
	}
}
