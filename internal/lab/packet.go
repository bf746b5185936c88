//go:build linux

package lab

import (
	"fmt"
	"net/netip"
	"time"
)

// Kind says what a captured packet is.
type Kind int

const (
	// UDP is a datagram, or the first fragment of one.
	UDP Kind = iota + 1

	// Fragment is a fragment of a UDP datagram other than the first. It has no
	// ports.
	Fragment

	// PortUnreachable is the ICMP or ICMPv6 message by which a host says that
	// no socket takes a datagram: the answer of a client's kernel to a reply
	// from the wrong address. Packet.Inner is the flow of that datagram.
	PortUnreachable

	// ICMP is any other ICMP or ICMPv6 message, except those by which IPv6
	// finds neighbours, routers and groups. Packet.Inner is set for errors
	// that speak of a UDP datagram.
	ICMP
)

// A Flow is the two ends of a UDP datagram.
type Flow struct{ Src, Dst netip.AddrPort }

// A Packet is one that a capture saw.
type Packet struct {
	// Time is when the kernel saw the packet, in UTC.
	Time time.Time

	// Outgoing says that the host sent the packet; else it came in.
	Outgoing bool

	Kind Kind

	// Flow is where the packet came from and went to. The ports of kinds other
	// than UDP are 0. Addresses have no zone.
	Flow

	// Length is what tcpdump calls it: of a UDP datagram the number of octets
	// in its payload, also if this is a first fragment; of an ICMP message and
	// of a later fragment the number of octets after the IP header.
	Length int

	// Payload is that of a UDP datagram, as much of it as is in this packet.
	// A train sent with UDP_SEGMENT crosses a cable as one packet, and so its
	// payload is that of all segments.
	Payload []byte

	// Inner is the flow of the datagram that an ICMP error speaks of, and
	// otherwise zero.
	Inner Flow

	// Frame is the whole packet from the Ethernet header on.
	Frame []byte

	detail string // what String says of the packet after the addresses
}

// String returns the packet as a line of tcpdump -n, with the time in UTC:
//
//	14:50:04.758029 IP 203.0.113.2.40695 > 198.51.100.2.60002: UDP, length 3
func (p Packet) String() string {
	version := "IP"
	if p.Src.Addr().Is6() {
		version = "IP6"
	}
	return fmt.Sprintf("%s %s %s > %s: %s",
		p.Time.Format("15:04:05.000000"), version, endpoint(p.Src), endpoint(p.Dst), p.detail)
}

// endpoint writes an address as tcpdump does, with the port after a dot.
func endpoint(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return fmt.Sprintf("%v.%d", a.Addr(), a.Port())
}
