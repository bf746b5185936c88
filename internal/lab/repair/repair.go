//go:build linux

package repair

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A family is what differs between IPv4 and IPv6 in a rule.
type family struct {
	table  nftables.TableFamily
	nat    uint32
	source uint32 // offset of the source address, before the destination's
	octets uint32 // of an address

	// checksum is the offset of the header's own one.
	checksum uint32
}

var (
	ipv4 = family{
		table: nftables.TableFamilyIPv4, nat: unix.NFPROTO_IPV4, source: 12, octets: 4,
		checksum: 10,
	}
	ipv6 = family{
		table: nftables.TableFamilyIPv6, nat: unix.NFPROTO_IPV6, source: 8, octets: 16,
		// IPv6 has none. But the nftables package (v0.3.0) asks the kernel to
		// mend the checksum of UDP only together with one of the header. The
		// kernel mends both before it writes the address: the place of the
		// address is one that it will have written over.
		checksum: 8,
	}
)

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

// Offsets of the ports in a UDP header.
const (
	sourcePort      = 0
	destinationPort = 2
)

// match begins a rule for UDP datagrams with the address at the one offset and
// the port at the other.
func match(a netip.AddrPort, addrAt, portAt uint32, then ...expr.Any) []expr.Any {
	return append([]expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: addrAt, Len: familyOf(a.Addr()).octets},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: a.Addr().AsSlice()},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_UDP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: portAt, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(a.Port())},
	}, then...)
}

// add adds a rule to a chain, which it adds if it is not there.
func add(h *lab.Host, f family, table string, chain *nftables.Chain, rule []expr.Any) error {
	c, err := h.Nftables()
	if err != nil {
		return err
	}
	chain.Table = c.AddTable(&nftables.Table{Family: f.table, Name: table})
	c.AddRule(&nftables.Rule{Table: chain.Table, Chain: c.AddChain(chain), Exprs: rule})
	return c.Flush()
}

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
