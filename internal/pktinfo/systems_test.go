package pktinfo

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
)

// A system is one whose control messages are written down here by hand from
// its headers, to hold the layouts against.
type system struct {
	name   string
	layout layout

	header func(length, level, typ uint32) []byte // cmsghdr and the padding behind it
	tail4  []byte                                 // padding behind an IPv4 message
	tail6  []byte                                 // padding behind an IPv6 message

	type4, type6 uint32
	len4, len6   uint32 // cmsg_len
	// data of an IPv4 message for an interface, an address for the answer and
	// the header's destination; on send the latter is empty
	data4 func(ifindex uint32, local, dst netip.Addr) []byte
	// hasSpec: local4 is received, too; hasIndex: so is the interface.
	hasSpec, hasIndex bool
	indexWins         bool
}

func systems() []system {
	long := func(length, level, typ uint32) []byte { return cat(uint64(length), level, typ) }
	short := func(length, level, typ uint32) []byte { return cat(length, level, typ) }
	padded := func(length, level, typ uint32) []byte { return cat(length, level, typ, blank(4)) }

	three := func(ifindex uint32, local, dst netip.Addr) []byte { return cat(ifindex, local, dst) }
	two := func(ifindex uint32, local, dst netip.Addr) []byte { return cat(either(local, dst), ifindex) }
	one := func(_ uint32, local, dst netip.Addr) []byte { return cat(either(local, dst)) }
	apple := func(ifindex uint32, local, dst netip.Addr) []byte {
		if dst.IsValid() {
			return cat(ifindex, any4, dst)
		}
		return cat(ifindex, local, blank(4))
	}

	return []system{
		{
			name: "linux 64-bit", layout: linuxLayout(8), header: long, tail4: blank(4), tail6: blank(4),
			type4: 8, type6: 50, len4: 28, len6: 36, data4: three, hasSpec: true, hasIndex: true,
		},
		{
			name: "linux 32-bit", layout: linuxLayout(4), header: short,
			type4: 8, type6: 50, len4: 24, len6: 32, data4: three, hasSpec: true, hasIndex: true,
		},
		{
			name: "darwin", layout: darwinLayout(), header: short,
			type4: 26, type6: 46, len4: 24, len6: 32, data4: apple, hasIndex: true, indexWins: true,
		},
		{
			name: "freebsd, netbsd, openbsd 64-bit", layout: bsdLayout(bsdAlign("freebsd", "amd64", 8)),
			header: padded, tail4: blank(4), tail6: blank(4), type4: 7, type6: 46, len4: 20, len6: 36, data4: one,
		},
		{
			name: "freebsd, netbsd, openbsd 386, freebsd arm", layout: bsdLayout(bsdAlign("freebsd", "arm", 4)),
			header: short, type4: 7, type6: 46, len4: 16, len6: 32, data4: one,
		},
		{
			name: "netbsd, openbsd arm", layout: bsdLayout(bsdAlign("openbsd", "arm", 4)),
			header: padded, tail4: blank(4), tail6: blank(4), type4: 7, type6: 46, len4: 20, len6: 36, data4: one,
		},
		{
			name: "netbsd arm64", layout: bsdLayout(bsdAlign("netbsd", "arm64", 8)),
			header: padded, tail4: blank(12), tail6: blank(12), type4: 7, type6: 46, len4: 20, len6: 36, data4: one,
		},
		{
			name: "windows 64-bit", layout: windowsLayout(8), header: long, tail6: blank(4),
			type4: 19, type6: 19, len4: 24, len6: 36, data4: two, hasIndex: true,
		},
		{
			name: "windows 386", layout: windowsLayout(4), header: short,
			type4: 19, type6: 19, len4: 20, len6: 32, data4: two, hasIndex: true,
		},
	}
}

// message4 is the system's IPv4 message; local and dst may be invalid.
func (s *system) message4(ifindex uint32, local, dst netip.Addr) []byte {
	return cat(s.header(s.len4, 0, s.type4), s.data4(ifindex, local, dst), s.tail4)
}

func (s *system) message6(ifindex uint32, addr netip.Addr) []byte {
	return cat(s.header(s.len6, 41, s.type6), addr.AsSlice(), ifindex, s.tail6)
}

// other is a message that says nothing about addresses: 8 bytes at the socket
// level.
func (s *system) other() []byte {
	l := &s.layout
	b := cat(s.header(uint32(l.data+8), 1, 99), "12345678")
	return append(b, blank(roundUp(len(b), l.align)-len(b))...)
}

func (s *system) parse(oob []byte) (info Info) {
	s.layout.parse(bytes.Clone(oob), &info) // no more capacity than length
	return info
}

// index is what the IPv4 message of the system says of an interface.
func (s *system) index(ifindex uint32) uint32 {
	if !s.hasIndex {
		return 0
	}
	return ifindex
}

func eachSystem(t *testing.T, f func(t *testing.T, s *system, l *layout)) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) { f(t, &s, &s.layout) })
	}
}

var (
	vip4   = netip.MustParseAddr("192.0.2.1")
	host4  = netip.MustParseAddr("198.51.100.7")
	bcast4 = netip.MustParseAddr("198.51.100.255")
	group4 = netip.MustParseAddr("224.0.0.251")
	all4   = netip.MustParseAddr("255.255.255.255")
	vip6   = netip.MustParseAddr("2001:db8::1")
	group6 = netip.MustParseAddr("ff02::fb")
	any4   = netip.IPv4Unspecified()
	any6   = netip.IPv6Unspecified()
	none   netip.Addr
)

// cat concatenates, with numbers in the host's byte order.
func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case uint64:
			b = binary.NativeEndian.AppendUint64(b, p)
		case uint32:
			b = binary.NativeEndian.AppendUint32(b, p)
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		case netip.Addr:
			if !p.IsValid() {
				p = any4
			}
			b = append(b, p.AsSlice()...)
		}
	}
	return b
}

func mapped(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }

func blank(n int) []byte { return make([]byte, n) }

// either is dst in what is received, which has one, else local.
func either(local, dst netip.Addr) netip.Addr {
	if dst.IsValid() {
		return dst
	}
	return local
}
