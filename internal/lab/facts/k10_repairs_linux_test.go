package facts_test

import (
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// The two repairs of Google's document that leave the server as it is and change the
// host's packet filter. Every call adds a rule.

// repairDNAT has the host translate the destination of what comes for a VIP, and
// thereby the source of the answers:
//
//	iptables -t nat -A PREROUTING -p udp -d VIP --dport 60002 -j DNAT --to-destination INTERNAL
func repairDNAT(h *lab.Host, vip, internal netip.Addr) error {
	return repairRule(h, &nftables.Chain{
		Name: "prerouting", Table: repairTable("nat"), Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest,
	}, repairMatch(vip, false,
		&expr.Immediate{Register: 1, Data: internal.AsSlice()},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1},
	))
}

// repairMangle has the host write a VIP over the source of what the server
// sends:
//
//	nft add chain raw postrouting '{ type filter hook postrouting priority 300; }'
//	nft add rule raw postrouting ip saddr INTERNAL udp sport 60002 ip saddr set VIP
func repairMangle(h *lab.Host, internal, vip netip.Addr) error {
	return repairRule(h, &nftables.Chain{
		Name: "postrouting", Table: repairTable("raw"), Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityRef(300),
	}, repairMatch(internal, true,
		&expr.Immediate{Register: 1, Data: vip.AsSlice()},
		&expr.Payload{
			OperationType: expr.PayloadWrite, SourceRegister: 1,
			Base: expr.PayloadBaseNetworkHeader, Offset: repairSource, Len: 4,
			CsumType: expr.CsumTypeInet, CsumOffset: 10, CsumFlags: unix.NFT_PAYLOAD_L4CSUM_PSEUDOHDR,
		},
	))
}

// Offsets in the headers of IPv4 and UDP.
const (
	repairSource          = 12
	repairDestination     = 16
	repairSourcePort      = 0
	repairDestinationPort = 2
)

// repairMatch returns a rule for datagrams from the address, or to it, with the lab's
// port at the same end.
func repairMatch(a netip.Addr, source bool, then ...expr.Any) []expr.Any {
	addrAt, portAt := uint32(repairDestination), uint32(repairDestinationPort)
	if source {
		addrAt, portAt = repairSource, repairSourcePort
	}
	return append([]expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: addrAt, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: a.AsSlice()},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_UDP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: portAt, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(lab.Port)},
	}, then...)
}

func repairTable(name string) *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyIPv4, Name: name}
}

// repairRule adds a rule to a chain, which it adds if it is not there.
func repairRule(h *lab.Host, chain *nftables.Chain, rule []expr.Any) error {
	c, err := h.Nftables()
	if err != nil {
		return err
	}
	chain.Table = c.AddTable(chain.Table)
	c.AddRule(&nftables.Rule{Table: chain.Table, Chain: c.AddChain(chain), Exprs: rule})
	return c.Flush()
}
