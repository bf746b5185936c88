package localroute

import (
	"encoding/binary"
	"net/netip"
)

// A key is an address or, with fewer than 128 bits, a prefix. An IPv4 address
// is held as the IPv4-mapped one, so that a dual-stack socket's spelling of it
// is the same key. It holds no pointer: netip.Addr has one, and would make
// every memory of addresses work for the garbage collector.
type key struct {
	hi, lo uint64
	index  uint32 // of the interface, for link-local IPv6; otherwise 0
	bits   uint32
}

// keyOf returns the key of an address. The zone of a is ignored. The interface
// index is part of the key only where addresses are local to one link:
// fe80::1 is local on one link, and somebody else's on the next.
func keyOf(a netip.Addr, ifindex uint32) key {
	b := a.As16()
	k := key{hi: binary.BigEndian.Uint64(b[:8]), lo: binary.BigEndian.Uint64(b[8:]), bits: 128}
	if k.linkLocal() {
		k.index = ifindex
	}
	return k
}

// prefixKey returns the key of an IPv6 prefix.
func prefixKey(p netip.Prefix) key {
	return keyOf(p.Addr(), 0).masked(uint32(p.Bits()))
}

func (k key) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	return netip.AddrFrom16(b).Unmap()
}

// masked returns the prefix of the given length that k lies in.
func (k key) masked(bits uint32) key {
	if bits <= 64 {
		k.hi &= ^uint64(0) << (64 - bits)
		k.lo = 0
	} else {
		k.lo &= ^uint64(0) << (128 - bits)
	}
	k.bits = bits
	return k
}

func (k key) linkLocal() bool { return k.hi>>54 == 0xfe80>>6 }

func (k key) is4() bool { return k.hi == 0 && k.lo>>32 == 0xffff }

// ranged reports whether k may be found by way of a prefix. IPv4 has no
// prefixes here, and its mapped spelling must not be taken for a part of ::/0;
// a link-local address means nothing without its link.
func (k key) ranged() bool { return !k.is4() && !k.linkLocal() }
