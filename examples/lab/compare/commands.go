//go:build linux

package compare

import (
	"net/netip"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
)

// sharedTables is what to know of the tables that nft's commands name.
const sharedTables = "The tables nat and raw are also those of an iptables that works by nf_tables: on a host that has one, let nft's be of another name."

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
