//go:build linux

package repair

import (
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
