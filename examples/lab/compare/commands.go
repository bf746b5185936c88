//go:build linux

package compare

import (
	"net/netip"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
)

// The addresses of the document, for the commands that are shown, and those of
// the lab where it has none.
var (
	documentVIP      = netip.MustParseAddr("198.51.100.2")
	documentInternal = netip.MustParseAddr("10.128.0.2")
	secondVIP        = netip.MustParseAddr("198.51.100.101")
	vip6             = netip.MustParseAddr("2001:db8:198:51::2")
	internal6        = netip.MustParseAddr("2001:db8:10:128::2")
)

// typed returns what a person types for VIPs.
func (r Repair) typed(internal netip.Addr, vips ...netip.Addr) (lines []string) {
	if r.commands == nil {
		return nil
	}
	for _, c := range r.commands(echo.Port, internal, vips...) {
		lines = append(lines, c.String())
	}
	return lines
}

// commandSets returns the commands with what they are for. Each set is complete.
func (r Repair) commandSets() []commandSet {
	if len(r.Commands) == 0 {
		return nil
	}
	two := "two VIPs"
	if r.lone {
		two += " (the second rule never matches)"
	}
	return []commandSet{{"one VIP", r.Commands}, {two, r.CommandsTwoVIPs}, {"one VIP, IPv6", r.CommandsIPv6}}
}

type commandSet struct {
	Title string
	Lines []string
}
