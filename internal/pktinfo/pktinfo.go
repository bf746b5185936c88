// Package pktinfo reads and writes the control messages that say to which
// address a datagram was sent, and from which one an answer has to leave:
// IP_PKTINFO, IPV6_PKTINFO, IP_RECVDSTADDR and IP_SENDSRCADDR.
//
// It makes no system calls but those that read and set socket options.
// Nothing here allocates, except for an error or where a caller's slice is too
// small to append to, and nothing keeps a slice it was given.
//
// Control messages are in the byte order of the host, and what the kernel
// hands over may end in the middle of one. Every read is bounded by the
// message's own length and by that of the buffer.
package pktinfo

import "net/netip"

// Family says which addresses a socket takes, and so which options it needs.
type Family uint8

const (
	IPv4 Family = iota + 1 // AF_INET
	IPv6                   // AF_INET6 with IPV6_V6ONLY
	Dual                   // AF_INET6 that takes IPv4 too, in IPv4-mapped form
)

func (f Family) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	case Dual:
		return "dual-stack"
	}
	return "unknown"
}

// Size is room, in bytes, for the control messages of one datagram. All of
// them together have been seen to take 280 on a dual-stack Linux socket. Only
// IPv6 extension headers, which are up to 2 KiB each and come when a socket
// option asks for them, may need more; they come last, and MSG_CTRUNC tells.
const Size = 512

// Info says to which address a datagram was sent, and from where to answer it.
type Info struct {
	// Local is the address to answer from, unmapped and without zone. It is
	// never a group's address nor 255.255.255.255.
	//
	// For IPv4 it is what the kernel calls spec_dst: an address of the
	// receiving interface if the datagram was broadcast or multicast. Where
	// the system tells only the destination (anywhere but on Linux, and on a
	// dual-stack socket that gave no IPv4 message), Local is the destination,
	// which may be the broadcast address of a subnet: that one looks like any
	// other, and only the kernel's refusal to send from it shows it.
	//
	// For IPv6 it is the destination, or :: if that is a group: sent with
	// IfIndex, it becomes an address of that interface.
	//
	// It is invalid when unknown.
	Local netip.Addr

	// Dst is the destination in the IP header, unmapped and without zone. It
	// differs from Local for broadcast and multicast, and is invalid when no
	// control message said it.
	Dst netip.Addr

	// IfIndex is the interface the datagram arrived on, 0 when unknown.
	IfIndex uint32

	// SegmentSize is the length in bytes of each datagram but the last, when
	// several were joined to one (UDP_GRO), else 0.
	SegmentSize int

	// ECN is the datagram's ECN field (RFC 3168), 0 when no message said it.
	ECN uint8
}

// Request is the source that control data for sending asks for.
type Request struct {
	// Src is the source address, unmapped; invalid if the message has none.
	Src netip.Addr

	// HeaderDst is the ipi_addr beside Src, invalid if zero or if the system
	// has none. It is only received: the kernel ignores it in what is sent,
	// and a message with nothing else in it leaves from the kernel's choice.
	HeaderDst netip.Addr

	// IfIndex is the interface to leave by, 0 for the routing table's.
	IfIndex uint32

	// V4 says that this was an IPv4 message. One for IPv6 can ask for an IPv4
	// address too, in IPv4-mapped form.
	V4 bool
}
