//go:build linux

package repair

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// DNAT has the host translate the destination of what comes for a VIP to its
// own address, and thereby the source of the answers back, as the commands of
// DNATByNFT and DNATByIPTables do. It adds one rule for one VIP and its port.
// Both addresses are of one family.
func DNAT(h *lab.Host, vip netip.AddrPort, internal netip.Addr) error {
	f := familyOf(vip.Addr())
	err := add(h, f, "nat", &nftables.Chain{
		Name: "prerouting", Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest,
	}, match(vip, f.source+f.octets, destinationPort,
		&expr.Immediate{Register: 1, Data: internal.AsSlice()},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: f.nat, RegAddrMin: 1},
	))
	if err != nil {
		return fmt.Errorf("repair: DNAT of %v on %s: %w", vip, h.Name, err)
	}
	return nil
}

// DNATByNFT returns the commands that do what DNAT does for each of the VIPs.
func DNATByNFT(port uint16, internal netip.Addr, vips ...netip.Addr) []Command {
	ip := word(internal, "ip", "ip6")
	cmds := []Command{
		{"nft", "add", "table", ip, "nat"},
		{"nft", "add", "chain", ip, "nat", "prerouting", "{ type nat hook prerouting priority dstnat; }"},
	}
	for _, v := range vips {
		cmds = append(cmds, Command{
			"nft", "add", "rule", ip, "nat", "prerouting",
			ip, "daddr", v.String(), "udp", "dport", fmt.Sprint(port), "dnat", "to", internal.String(),
		})
	}
	return cmds
}

// DNATByIPTables returns the commands that do what DNAT does for each of the
// VIPs.
func DNATByIPTables(port uint16, internal netip.Addr, vips ...netip.Addr) []Command {
	var cmds []Command
	for _, v := range vips {
		cmds = append(cmds, Command{
			word(internal, "iptables", "ip6tables"), "-t", "nat", "-A", "PREROUTING",
			"-p", "udp", "-d", v.String(), "--dport", fmt.Sprint(port), "-j", "DNAT", "--to-destination", internal.String(),
		})
	}
	return cmds
}

// word returns the one for the address's family.
func word(a netip.Addr, v4, v6 string) string {
	if a.Is4() {
		return v4
	}
	return v6
}
