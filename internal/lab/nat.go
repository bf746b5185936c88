//go:build linux

package lab

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Offsets of the addresses in an IPv4 header.
const (
	source4      = 12
	destination4 = 16
)

// addNAT makes the gateway translate each backend's internal address to its
// external one, and back, for what crosses the interface to the internet:
//
//	table ip gateway {
//		map externals { type ipv4_addr : ipv4_addr; elements = { 10.128.0.2 : 198.51.100.3, ... } }
//		map internals { type ipv4_addr : ipv4_addr; elements = { 198.51.100.3 : 10.128.0.2, ... } }
//		chain in  { type nat hook prerouting priority dstnat;  iifname "client0" dnat to ip daddr map @internals }
//		chain out { type nat hook postrouting priority srcnat; oifname "client0" snat to ip saddr map @externals }
//		set vips { type ipv4_addr; elements = { 198.51.100.2, ... } }
//		chain vip { type filter hook prerouting priority raw; ip daddr @vips notrack; ip saddr @vips notrack }
//	}
//
// What comes from a VIP or goes to one keeps its addresses, and is not even
// tracked: a gateway that remembered the request would look like one that
// knows which address the reply should have had.
func (l *Lab) addNAT() error {
	c, err := l.Gateway.Nftables()
	if err != nil {
		return err
	}
	t := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "gateway"})

	var externals, internals, vips []nftables.SetElement
	for _, b := range l.Backends {
		in, out := b.Internal4.AsSlice(), b.External4.AsSlice()
		externals = append(externals, nftables.SetElement{Key: in, Val: out})
		internals = append(internals, nftables.SetElement{Key: out, Val: in})
	}
	for _, v := range l.VIPs4 {
		vips = append(vips, nftables.SetElement{Key: v.AsSlice()})
	}
	// A set without an ID is given one from a counter that all connections of
	// the process share unguarded. IDs need to differ within one Flush only.
	toExternal := &nftables.Set{Table: t, ID: 1, Name: "externals", IsMap: true, KeyType: nftables.TypeIPAddr, DataType: nftables.TypeIPAddr}
	toInternal := &nftables.Set{Table: t, ID: 2, Name: "internals", IsMap: true, KeyType: nftables.TypeIPAddr, DataType: nftables.TypeIPAddr}
	vip := &nftables.Set{Table: t, ID: 3, Name: "vips", KeyType: nftables.TypeIPAddr}
	for _, s := range []struct {
		set      *nftables.Set
		elements []nftables.SetElement
	}{{toExternal, externals}, {toInternal, internals}, {vip, vips}} {
		if err := c.AddSet(s.set, s.elements); err != nil {
			return fmt.Errorf("lab: nftables set %s: %w", s.set.Name, err)
		}
	}

	translate := func(chain *nftables.Chain, interfaceKey expr.MetaKey, kind expr.NATType, offset uint32, m *nftables.Set) {
		c.AddRule(&nftables.Rule{Table: t, Chain: c.AddChain(chain), Exprs: []expr.Any{
			&expr.Meta{Key: interfaceKey, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: interfaceName(l.gatewayClient().dev)},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
			&expr.Lookup{SourceRegister: 1, DestRegister: 1, IsDestRegSet: true, SetID: m.ID, SetName: m.Name},
			&expr.NAT{Type: kind, Family: unix.NFPROTO_IPV4, RegAddrMin: 1},
		}})
	}
	translate(&nftables.Chain{
		Name: "in", Table: t, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityNATDest,
	}, expr.MetaKeyIIFNAME, expr.NATTypeDestNAT, destination4, toInternal)
	translate(&nftables.Chain{
		Name: "out", Table: t, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	}, expr.MetaKeyOIFNAME, expr.NATTypeSourceNAT, source4, toExternal)

	untracked := c.AddChain(&nftables.Chain{
		Name: "vip", Table: t, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityRaw,
	})
	for _, offset := range []uint32{source4, destination4} {
		c.AddRule(&nftables.Rule{Table: t, Chain: untracked, Exprs: []expr.Any{
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
			&expr.Lookup{SourceRegister: 1, SetID: vip.ID, SetName: vip.Name},
			&expr.Notrack{},
		}})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("lab: address translation on the gateway (is nf_tables in the kernel?): %w", err)
	}
	return nil
}

// interfaceName returns a name as the packet filter compares it.
func interfaceName(dev string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, dev)
	return b
}
