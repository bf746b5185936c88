package pktinfo

import "encoding/binary"

// Levels, the same on every system: the numbers of the protocols.
const (
	levelIPv4 = 0  // IPPROTO_IP
	levelIPv6 = 41 // IPPROTO_IPV6
)

// Types of the messages about the source or destination: for IPv4, for IPv6,
// and for IPv6 in the days of RFC 2292.
const (
	linux4, linux6, linux6old    = 8, 50, 2   // IP_PKTINFO, IPV6_PKTINFO, IPV6_2292PKTINFO
	darwin4, darwin6, darwin6old = 26, 46, 19 // likewise
	bsd4, bsd6                   = 7, 46      // IP_RECVDSTADDR and IP_SENDSRCADDR, IPV6_PKTINFO
	windows4, windows6           = 19, 19     // IP_PKTINFO, IPV6_PKTINFO
)

// Linux's messages about segments (udp(7)) and the traffic class (ip(7), ipv6(7)).
const (
	levelUDP               = 17       // SOL_UDP
	linuxSegment, linuxGRO = 103, 104 // UDP_SEGMENT, UDP_GRO
	linuxTOS, linuxClass   = 1, 67    // IP_TOS, IPV6_TCLASS
)

// struct in6_pktinfo, the same on every system (RFC 3542, section 6).
const (
	addr6  = 0  // ipi6_addr
	index6 = 16 // ipi6_ifindex
	size6  = 20
)

// A layout is how an operating system writes the control messages that this
// package reads and makes. The layouts of all systems are compiled everywhere,
// so that one machine can test them all. Offsets count from the start of a
// message's data.
type layout struct {
	header int // bytes of struct cmsghdr: cmsg_len, cmsg_level, cmsg_type
	data   int // where the data starts
	align  int // of every message

	kind4  kind // the IPv4 message
	size4  int  // bytes of its data
	dst4   int  // on receive: the destination in the header
	local4 int  // on receive: the address to answer from, or dst4 where there is none
	src4   int  // on send: the source
	index4 int  // the interface; -1 if the message has none

	// indexWins says that beside an interface the kernel ignores the source.
	indexWins bool

	kind6 kind // IPV6_PKTINFO
	old6  kind // the same by RFC 2292, good for sending; kind6 if there is none
	// long6 says that the kernel takes one longer than size6.
	long6 bool

	// The messages about segments and traffic class, noKind where the system
	// has none that this package knows.
	gro, segment, tos, class kind
}

// A kind is the level and the type of a control message as they stand side by
// side in its header, so that one comparison distinguishes messages.
type kind uint64

// noKind is no message's: its level would be negative.
const noKind = ^kind(0)

func kindOf(level, typ uint32) kind {
	var b [8]byte
	binary.NativeEndian.PutUint32(b[:], level)
	binary.NativeEndian.PutUint32(b[4:], typ)
	return kind(binary.NativeEndian.Uint64(b[:]))
}

// linuxLayout: struct cmsghdr starts with a size_t, CMSG_ALIGN rounds to a
// long (linux/socket.h); struct in_pktinfo is ipi_ifindex, ipi_spec_dst,
// ipi_addr (linux/in.h, ip(7)).
func linuxLayout(ptr int) layout {
	return layout{
		header: ptr + 8, data: ptr + 8, align: ptr,
		kind4: kindOf(levelIPv4, linux4), size4: 12, index4: 0, src4: 4, local4: 4, dst4: 8,
		kind6: kindOf(levelIPv6, linux6), old6: kindOf(levelIPv6, linux6old), long6: true,
		gro: kindOf(levelUDP, linuxGRO), segment: kindOf(levelUDP, linuxSegment),
		tos: kindOf(levelIPv4, linuxTOS), class: kindOf(levelIPv6, linuxClass),
	}
}

// darwinLayout: struct cmsghdr starts with a 32-bit socklen_t and
// __DARWIN_ALIGN32 rounds (sys/socket.h); struct in_pktinfo is Linux's
// (netinet/in.h).
//
// The kernel leaves ipi_spec_dst zero in what it delivers (ip_savecontrol) and
// reads it on send only if ipi_ifindex is zero (udp_check_pktinfo).
func darwinLayout() layout {
	return layout{
		header: 12, data: 12, align: 4,
		kind4: kindOf(levelIPv4, darwin4), size4: 12, index4: 0, src4: 4, local4: 8, dst4: 8, indexWins: true,
		kind6: kindOf(levelIPv6, darwin6), old6: kindOf(levelIPv6, darwin6old),
		gro: noKind, segment: noKind, tos: noKind, class: noKind,
	}
}

// bsdLayout: struct cmsghdr starts with a 32-bit socklen_t, and _ALIGN rounds
// (sys/socket.h, machine/_align.h). IP_RECVDSTADDR is received and
// IP_SENDSRCADDR, the same number, sent with a bare struct in_addr (ip(4)).
//
// NetBSD has IP_PKTINFO too, but some of its kernels deliver the datagram's
// source in it, and it does nothing more for IPv4 than IP_SENDSRCADDR.
func bsdLayout(align int) layout {
	return layout{
		header: 12, data: roundUp(12, align), align: align,
		kind4: kindOf(levelIPv4, bsd4), size4: 4, index4: -1, src4: 0, local4: 0, dst4: 0,
		kind6: kindOf(levelIPv6, bsd6), old6: kindOf(levelIPv6, bsd6),
		gro: noKind, segment: noKind, tos: noKind, class: noKind,
	}
}

// bsdAlign is _ALIGN's: a register, but 8 bytes on 32-bit ARM except on
// FreeBSD, and 16 on NetBSD's 64-bit ARM.
func bsdAlign(goos, goarch string, ptr int) int {
	switch {
	case goarch == "arm" && goos != "freebsd":
		return 8
	case goarch == "arm64" && goos == "netbsd":
		return 16
	}
	return ptr
}

// windowsLayout: WSACMSGHDR starts with a SIZE_T; WSA_CMSGHDR_ALIGN and
// WSA_CMSGDATA_ALIGN both round to a pointer (ws2def.h); IN_PKTINFO is
// ipi_addr, ipi_ifindex (ws2ipdef.h).
func windowsLayout(ptr int) layout {
	return layout{
		header: ptr + 8, data: ptr + 8, align: ptr,
		kind4: kindOf(levelIPv4, windows4), size4: 8, index4: 4, src4: 0, local4: 0, dst4: 0,
		kind6: kindOf(levelIPv6, windows6), old6: kindOf(levelIPv6, windows6),
		gro: noKind, segment: noKind, tos: noKind, class: noKind,
	}
}

// kind reads the kind from the header that starts b.
func (l *layout) kind(b []byte) kind {
	return kind(binary.NativeEndian.Uint64(b[l.header-8:]))
}

// length reads cmsg_len from the header that starts b. It may be anything: on
// some systems it is as wide as a pointer, and its top bit may be set.
func (l *layout) length(b []byte) uint64 {
	if l.header == 16 {
		return binary.NativeEndian.Uint64(b)
	}
	return uint64(binary.NativeEndian.Uint32(b))
}

// setLength writes cmsg_len into the header that starts b.
func (l *layout) setLength(b []byte, n int) {
	if l.header == 16 {
		binary.NativeEndian.PutUint64(b, uint64(n))
	} else {
		binary.NativeEndian.PutUint32(b, uint32(n))
	}
}

// next splits the message that starts b from the ones behind it. The message
// is without the padding behind it. It reports false if b starts with no whole
// header, and also if the length in the header cannot be; rest is then b.
func (l *layout) next(b []byte) (m, rest []byte, ok bool) {
	if len(b) < l.header {
		return nil, b, false
	}
	n := l.length(b)
	if n < uint64(l.header) || n > uint64(len(b)) {
		return nil, b, false
	}
	return b[:n], b[min(l.roundUp(int(n)), len(b)):], true
}

// dataOf returns the data of a message. It is shorter than it should be if the
// kernel cut the message, which may be as early as in the padding behind the
// header.
func (l *layout) dataOf(m []byte) []byte { return m[min(l.data, len(m)):] }

// roundUp returns the place where the message behind one that ends at n starts.
func (l *layout) roundUp(n int) int { return roundUp(n, l.align) }

func roundUp(n, align int) int { return (n + align - 1) &^ (align - 1) }

// space is CMSG_SPACE: what a message with n bytes of data takes.
func (l *layout) space(n int) int { return l.data + l.roundUp(n) }
