//go:build linux

package repair

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// manglePriority is the document's: after everything else.
const manglePriority = 300

// Mangle has the host write a VIP over the source of what leaves from its own
// address and port, without any memory, as the commands of MangleByNFT do. It
// adds one rule. A second rule with another VIP never matches, because the first
// one has changed the source. Both addresses are of one family.
func Mangle(h *lab.Host, internal netip.AddrPort, vip netip.Addr) error {
	f := familyOf(vip)
	err := add(h, f, "raw", &nftables.Chain{
		Name: "postrouting", Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityRef(manglePriority),
	}, match(internal, f.source, sourcePort,
		&expr.Immediate{Register: 1, Data: vip.AsSlice()},
		&expr.Payload{
			OperationType: expr.PayloadWrite, SourceRegister: 1,
			Base: expr.PayloadBaseNetworkHeader, Offset: f.source, Len: f.octets,
			CsumType: expr.CsumTypeInet, CsumOffset: f.checksum, CsumFlags: unix.NFT_PAYLOAD_L4CSUM_PSEUDOHDR,
		},
	))
	if err != nil {
		return fmt.Errorf("repair: mangling for %v on %s: %w", vip, h.Name, err)
	}
	return nil
}

// MangleByNFT returns the commands that do what Mangle does for each of the
// VIPs.
func MangleByNFT(port uint16, internal netip.Addr, vips ...netip.Addr) []Command {
	ip := word(internal, "ip", "ip6")
	cmds := []Command{
		{"nft", "add", "table", ip, "raw"},
		{"nft", "add", "chain", ip, "raw", "postrouting", fmt.Sprintf("{ type filter hook postrouting priority %d; }", manglePriority)},
	}
	for _, v := range vips {
		cmds = append(cmds, Command{
			"nft", "add", "rule", ip, "raw", "postrouting",
			ip, "saddr", internal.String(), "udp", "sport", fmt.Sprint(port), ip, "saddr", "set", v.String(),
		})
	}
	return cmds
}
