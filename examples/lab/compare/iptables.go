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

func dnatByIPTables(h *lab.Host, vips []netip.Addr, internal netip.Addr) error {
	return repair.Run(h, repair.DNATByIPTables(echo.Port, internal, vips...)...)
}

func flushIPTables(h *lab.Host) error {
	return repair.Run(h, repair.Command{"iptables", "-t", "nat", "-F"})
}

// tryIPTables finds out whether the iptables command is there and works: that of
// old, which does not know nf_tables, may not be an ordinary user's to run. Where
// it does not, the repair's rules are made without it, and its note says so.
func tryIPTables(rs []Repair) error {
	for i := range rs {
		if rs[i].ID != DNATIPTables {
			continue
		}
		h, err := lab.NewHost("iptables")
		if err != nil {
			return err
		}
		for _, family := range [][2]string{{"198.51.100.2", "10.128.0.2"}, {"2001:db8:198:51::2", "2001:db8:10:128::2"}} {
			vip, internal := netip.MustParseAddr(family[0]), netip.MustParseAddr(family[1])
			if err := rs[i].apply(h, []netip.Addr{vip}, internal); err != nil {
				rs[i].doWithout(err)
				break
			}
		}
		if err := h.Close(); err != nil {
			return err
		}
	}
	return nil
}

// doWithout has the rules of iptables be made through nf_tables, because of err.
func (r *Repair) doWithout(err error) {
	r.apply, r.clear = dnat, nil
	why := "iptables is not installed here"
	if !errors.Is(err, repair.ErrNotInstalled) {
		why = fmt.Sprintf("iptables does not work here (%v)", err)
	}
	r.Note = "NOT MADE BY IPTABLES: " + why + ", so that its rules were made through nf_tables, as for the next repair. The commands below were not run"
	r.Name += " (by nf_tables)"
	r.Short = "ipt.=nft"
}
