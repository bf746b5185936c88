//go:build linux

package lab

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// setUpECMP makes the balancer a router with one multipath route for each VIP
// or range of VIPs. A policy of 1 makes the ports part of the hash.
func (l *Lab) setUpECMP() error {
	settings := append([]string{
		"net.ipv4.fib_multipath_hash_policy", "1",
		"net.ipv6.fib_multipath_hash_policy", "1",
	}, forwarding...)
	if err := l.Balancer.sysctls(settings...); err != nil {
		return err
	}
	in, out := l.balancerIn(), l.balancerOut()
	for _, p := range []port{in, out} {
		if err := p.addAddrs(); err != nil {
			return err
		}
	}
	if err := in.know(l.gatewayFeed()); err != nil {
		return err
	}
	dev, err := l.Balancer.Index(out.dev)
	if err != nil {
		return err
	}
	var hops [2][]*netlink.NexthopInfo // by family
	for _, b := range l.Backends {
		if err := out.know(b.ingress()); err != nil {
			return err
		}
		for i, a := range b.ingress().addrs() {
			hops[i] = append(hops[i], &netlink.NexthopInfo{LinkIndex: dev, Gw: a.AsSlice()})
		}
	}
	for _, p := range l.vipRoutes() {
		family := 0
		if p.Addr().Is6() {
			family = 1
		}
		r := &netlink.Route{Dst: ipNet(p), MultiPath: hops[family]}
		if err := l.Balancer.nl.RouteAdd(r); err != nil {
			return fmt.Errorf("lab: multipath route to %v: %w", p, err)
		}
	}
	return nil
}

// hashSeed is fixed, so that a flow meets the same backend in every lab.
const hashSeed = 0x5eed

// setUpMaglev makes the balancer a bridge from in0 to out0, that turns what
// comes in at in0 to a backend before the bridge looks where it is going:
//
//	table netdev balancer {
//		map backends { type integer : ether_addr; elements = { 0 : 42:01:0a:80:00:02, ... } }
//		chain in {
//			type filter hook ingress device in0 priority 0; policy drop
//			meta pkttype host ip protocol udp ip frag-off & 0x3fff == 0 \
//				ether daddr set jhash ip saddr . ip daddr . udp sport . udp dport mod N seed S map @backends \
//				ether saddr set 42:01:0a:80:00:fe accept
//			meta pkttype host \
//				ether daddr set jhash ip saddr . ip daddr mod N seed S map @backends \
//				ether saddr set 42:01:0a:80:00:fe accept
//			... and both for ip6
//		}
//		chain out { type filter hook ingress device out0 priority 0; policy drop }
//	}
//
// The second rule keeps the fragments of a datagram together: not all of them
// have ports, and one that has none would be hashed by what stands in their
// place.
//
// The gateway hands this host nothing but datagrams for VIPs, so that the
// rules need not look for those. Replies do not come back this way, and
// nothing else may: the second chain makes the bridge lead in one direction.
// The packet inside the frame is not touched, nor its time to live.
func (l *Lab) setUpMaglev() error {
	h, in, out := l.Balancer, l.balancerIn(), l.balancerOut()
	if err := h.bridgeOnly(); err != nil {
		return err
	}
	if err := h.addBridge("br0"); err != nil {
		return err
	}
	for _, p := range []port{in, out} {
		if err := h.addPort("br0", p.dev); err != nil {
			return err
		}
	}
	for _, b := range l.Backends {
		if err := h.forwardTo(out.dev, b.ingress().mac()); err != nil {
			return err
		}
	}
	c, err := h.Nftables()
	if err != nil {
		return err
	}
	t := c.AddTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: "balancer"})
	backends := &nftables.Set{
		Table: t, ID: 1, Name: "backends", IsMap: true, // an ID of its own: see addNAT
		KeyType: nftables.TypeInteger, DataType: nftables.TypeEtherAddr, KeyByteOrder: binaryutil.NativeEndian,
	}
	var elements []nftables.SetElement
	for i, b := range l.Backends {
		elements = append(elements, nftables.SetElement{
			Key: binaryutil.NativeEndian.PutUint32(uint32(i)),
			Val: b.ingress().mac(),
		})
	}
	if err := c.AddSet(backends, elements); err != nil {
		return fmt.Errorf("lab: nftables map of backends: %w", err)
	}
	drop := nftables.ChainPolicyDrop
	chain := func(name, dev string) *nftables.Chain {
		return c.AddChain(&nftables.Chain{
			Name: name, Table: t, Type: nftables.ChainTypeFilter, Device: dev, Policy: &drop,
			Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityFilter,
		})
	}
	chain("out", out.dev)
	balance := chain("in", in.dev)
	for _, rule := range []struct {
		header header
		ports  bool // before the rule that does without
	}{{ipv4Header, true}, {ipv6Header, true}, {ipv4Header, false}, {ipv6Header, false}} {
		exprs := rule.header.load(rule.ports)
		exprs = append(exprs, choose(backends, rule.header.length(rule.ports), len(l.Backends))...)
		exprs = append(exprs, sendFrom(out)...)
		c.AddRule(&nftables.Rule{Table: t, Chain: balance, Exprs: exprs})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("lab: balancing rules (is nf_tables in the kernel?): %w", err)
	}
	return nil
}

// Registers of four bytes each. What is hashed starts at the first; a register
// is wide enough for no more than one of the fields that follow it.
const (
	keyRegister    = unix.NFT_REG32_00
	resultRegister = unix.NFT_REG32_15
)

// A header says where things stand in that of a network protocol.
type header struct {
	etherType uint16

	// addresses and octets are the place and the length of source and
	// destination, one behind the other.
	addresses, octets uint32

	// From next on, what the mask leaves says whether a whole UDP datagram
	// follows the header, and not a fragment of one.
	next      uint32
	mask, udp []byte
}

var (
	ipv4Header = header{
		etherType: unix.ETH_P_IP, addresses: 12, octets: 8,
		// more fragments, offset; time to live; protocol
		next: 6, mask: []byte{0x3f, 0xff, 0, 0xff}, udp: []byte{0, 0, 0, unix.IPPROTO_UDP},
	}
	ipv6Header = header{
		etherType: unix.ETH_P_IPV6, addresses: 8, octets: 32,
		// next header, which is that of a fragment if it is one
		next: 6, mask: []byte{0xff}, udp: []byte{unix.IPPROTO_UDP},
	}
)

const portOctets = 4

// length returns the number of octets that load puts into the registers.
func (h header) length(ports bool) uint32 {
	if ports {
		return h.octets + portOctets
	}
	return h.octets
}

// load matches packets sent to this host and puts their addresses into the
// registers. If asked for ports it matches whole UDP datagrams only, and puts
// their ports behind the addresses.
func (h header) load(ports bool) []expr.Any {
	exprs := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyPKTTYPE, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.PACKET_HOST}},
		&expr.Meta{Key: expr.MetaKeyPROTOCOL, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(h.etherType)},
	}
	if ports {
		n := uint32(len(h.mask))
		exprs = append(exprs,
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: h.next, Len: n},
			&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: n, Mask: h.mask, Xor: make([]byte, n)},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: h.udp},
			&expr.Payload{DestRegister: keyRegister + h.octets/4, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: portOctets})
	}
	return append(exprs,
		&expr.Payload{DestRegister: keyRegister, Base: expr.PayloadBaseNetworkHeader, Offset: h.addresses, Len: h.octets})
}

// choose hashes what was loaded and addresses the frame to the backend found.
func choose(backends *nftables.Set, length uint32, n int) []expr.Any {
	return []expr.Any{
		&expr.Hash{
			SourceRegister: keyRegister, DestRegister: resultRegister, Length: length,
			Modulus: uint32(n), Seed: hashSeed, Type: expr.HashTypeJenkins,
		},
		&expr.Lookup{
			SourceRegister: resultRegister, DestRegister: keyRegister, IsDestRegSet: true,
			SetID: backends.ID, SetName: backends.Name,
		},
		&expr.Payload{
			OperationType: expr.PayloadWrite, SourceRegister: keyRegister,
			Base: expr.PayloadBaseLLHeader, Offset: 0, Len: 6,
		},
	}
}

// sendFrom makes p the sender of the frame and lets it go on to the bridge.
func sendFrom(p port) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: keyRegister, Data: p.mac()},
		&expr.Payload{
			OperationType: expr.PayloadWrite, SourceRegister: keyRegister,
			Base: expr.PayloadBaseLLHeader, Offset: 6, Len: 6,
		},
		&expr.Verdict{Kind: expr.VerdictAccept},
	}
}
