// Package pktinfo reads and writes the control messages of UDP datagrams: the
// destination of a received one and the source of one to be sent (IP_PKTINFO,
// IPV6_PKTINFO, IP_RECVDSTADDR, IP_SENDSRCADDR), its segment size and its ECN field.
//
// It makes no system calls but those that read and set socket options. Nothing
// here allocates, except for an error or where a caller's slice is too small to
// append to, and nothing keeps a slice that it was given.
//
// Control messages are in the byte order of the host, and what the kernel delivers
// may end in the middle of one. Every read is bounded by the message's own length
// and by that of the buffer.
package pktinfo

import (
	"fmt"
	"net/netip"
)

// Family says which addresses a socket takes, and so which options it needs.
type Family uint8

const (
	IPv4 Family = iota + 1 // AF_INET
	IPv6                   // AF_INET6 with IPV6_V6ONLY
	Dual                   // AF_INET6 that takes IPv4 too, in IPv4-mapped form
)

// Size is room, in bytes, for the control messages of one received datagram. All
// of them together have been measured at 280 on a dual-stack Linux socket. Only
// IPv6 extension headers, which are up to 2 KiB each and come when a socket option
// asks for them, may need more; they come last, and MSG_CTRUNC reports the loss.
const Size = 512

// SendSize is room, in bytes, for the control messages of one datagram to be sent:
// source, segment size and traffic class.
const SendSize = 96

// Info is what the control messages of a received datagram say.
type Info struct {
	// Local is the address to answer from, unmapped and without zone. It is
	// never a multicast address nor 255.255.255.255.
	//
	// For IPv4 it is the kernel's spec_dst: an address of the receiving
	// interface if the datagram was broadcast or multicast. Where the system
	// reports only the destination (anywhere but on Linux, and on a dual-stack
	// socket that gave no IPv4 message), Local is the destination, which may be
	// the broadcast address of a subnet: that one looks like any other, and only
	// the kernel's refusal to send from it shows it.
	//
	// For IPv6 it is the destination, or :: if that is multicast: sent with
	// Ifindex, it becomes an address of that interface.
	//
	// It is not valid when unknown.
	Local netip.Addr

	// Dst is the destination in the IP header, unmapped and without zone. It
	// differs from Local for broadcast and multicast, and is not valid when no
	// control message has it.
	Dst netip.Addr

	// Ifindex is the interface that the datagram arrived on, 0 when unknown.
	Ifindex uint32

	// SegmentSize is the length in bytes of each datagram but the last, when
	// several were joined to one (UDP_GRO), else 0.
	SegmentSize int

	// ECN is the datagram's ECN field (RFC 3168), 0 when no message has it.
	ECN uint8
}

// Request is the source that a caller's control messages for sending ask for.
type Request struct {
	// Src is the source address, unmapped; not valid if there is none.
	Src netip.Addr

	// HeaderDst is the ipi_addr beside Src, not valid if zero or if the system
	// has none. It has a value in messages handed back as they were received: the
	// kernel ignores it on send, and chooses the source if nothing else is set.
	HeaderDst netip.Addr

	// Ifindex is the interface to leave by, 0 for the routing table's.
	Ifindex uint32
}

// FamilyOf returns the family of a socket, bound or not, as its options are now.
// Ask after the user's own Control function, which may have changed IPV6_V6ONLY.
//
// It fails with an error that matches [errors.ErrUnsupported] on systems that do
// not report a datagram's destination or let its source be chosen; nothing else
// here is of use there.
func FamilyOf(fd uintptr) (Family, error) { return familyOf(fd) }

// Messages are the control messages about the destination, by their level.
type Messages struct{ IPv4, IPv6 bool }

// Enable has the kernel deliver the control messages about the destination that
// [Parse] reads, with exactly the options that the family needs. A datagram that was
// queued before may come without an address to answer from, so enable them before
// the socket is bound. It returns which of them were on: they are the user's own.
//
// It fails with an error that matches [errors.ErrUnsupported] where the source of a
// family's datagrams cannot be chosen: on a dual-stack socket of NetBSD.
func Enable(fd uintptr, f Family) (own Messages, err error) {
	need, err := needs(f)
	if err == nil && need.IPv6 {
		own.IPv6 = option6.get(fd)
		err = option6.set(fd, 1)
	}
	if err == nil && need.IPv4 {
		own.IPv4 = option4.get(fd)
		err = option4.set(fd, 1)
	}
	return own, err
}

// Disable undoes [Enable], and leaves the messages on that are the user's own.
func Disable(fd uintptr, f Family, own Messages) error {
	need, err := needs(f)
	if err == nil && need.IPv6 && !own.IPv6 {
		err = option6.set(fd, 0)
	}
	if err == nil && need.IPv4 && !own.IPv4 {
		err = option4.set(fd, 0)
	}
	return err
}

// An option is the socket option by which the kernel delivers one of the messages.
type option struct {
	name          string
	level, number int
}

func errNotInternet(family any) error {
	return fmt.Errorf("packet information needs an IPv4 or IPv6 socket, this one is of address family %v", family)
}
