//go:build linux

package lab

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
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
	// about a UDP datagram.
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
	// A message sent with UDP_SEGMENT crosses a cable as one packet, and so its
	// payload is that of all segments.
	Payload []byte

	// Inner is the flow of the datagram that an ICMP error is about, and
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

// decode reads a frame. It returns false for what a capture leaves out:
// everything but UDP, and ICMP other than the housekeeping of IPv6. The packet
// refers to the frame and does not copy it.
func decode(frame []byte) (Packet, bool) {
	p := Packet{Frame: frame}
	var eth layers.Ethernet
	if eth.DecodeFromBytes(frame, gopacket.NilDecodeFeedback) != nil {
		return p, false
	}
	if eth.EthernetType != layers.EthernetTypeIPv4 && eth.EthernetType != layers.EthernetTypeIPv6 {
		return p, false
	}
	ip, ok := decodeIP(eth.Payload)
	return p, ok && p.decodeTransport(ip)
}

// ipPacket is what matters of an IP header of either version.
type ipPacket struct {
	src, dst   netip.Addr
	protocol   layers.IPProtocol
	fragmented bool
	offset     int // of a fragment, in octets
	payload    []byte
}

func decodeIP(b []byte) (ipPacket, bool) {
	if len(b) == 0 {
		return ipPacket{}, false
	}
	switch b[0] >> 4 {
	case 4:
		var h layers.IPv4
		if h.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
			return ipPacket{}, false
		}
		return ipPacket{
			src: address(h.SrcIP), dst: address(h.DstIP), protocol: h.Protocol,
			fragmented: h.FragOffset > 0 || h.Flags&layers.IPv4MoreFragments != 0,
			offset:     int(h.FragOffset) * 8,
			payload:    h.Payload,
		}, true
	case 6:
		var h layers.IPv6
		if h.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
			return ipPacket{}, false
		}
		p := ipPacket{src: address(h.SrcIP), dst: address(h.DstIP), protocol: h.NextHeader, payload: h.Payload}
		return p, p.skipFragmentHeader()
	}
	return ipPacket{}, false
}

// skipFragmentHeader reads the extension header of an IPv6 fragment, if there
// is one (RFC 8200, section 4.5). It returns false if it is cut short.
func (p *ipPacket) skipFragmentHeader() bool {
	if p.protocol != layers.IPProtocolIPv6Fragment {
		return true
	}
	if len(p.payload) < 8 {
		return false
	}
	p.fragmented = true
	p.protocol = layers.IPProtocol(p.payload[0])
	p.offset = int(binary.BigEndian.Uint16(p.payload[2:]) &^ 7)
	p.payload = p.payload[8:]
	return true
}

func address(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip) // of 4 or 16 octets, as its header has it
	return a
}

// decodeTransport fills in what follows the IP header.
func (p *Packet) decodeTransport(ip ipPacket) bool {
	p.Flow = Flow{netip.AddrPortFrom(ip.src, 0), netip.AddrPortFrom(ip.dst, 0)}
	p.Length = len(ip.payload)
	switch {
	case ip.protocol == layers.IPProtocolUDP && ip.offset > 0:
		p.Kind = Fragment
		p.detail = "ip-proto-17"
		if ip.src.Is6() {
			p.detail = fmt.Sprintf("frag (%d|%d)", ip.offset, len(ip.payload))
		}
		return true
	case ip.protocol == layers.IPProtocolUDP:
		return p.decodeUDP(ip)
	case ip.protocol == layers.IPProtocolICMPv4 && ip.offset == 0:
		return p.decodeICMPv4(ip.payload)
	case ip.protocol == layers.IPProtocolICMPv6 && ip.offset == 0:
		return p.decodeICMPv6(ip.payload)
	}
	return false
}

func (p *Packet) decodeUDP(ip ipPacket) bool {
	var h layers.UDP
	if h.DecodeFromBytes(ip.payload, gopacket.NilDecodeFeedback) != nil {
		return false
	}
	p.Kind = UDP
	p.Flow = udpFlow(ip, h)
	p.Payload = h.Payload
	p.Length = max(int(h.Length)-8, len(h.Payload)) // more in a first fragment, 0 in a jumbogram
	p.detail = fmt.Sprintf("UDP, length %d", p.Length)
	if ip.fragmented && ip.src.Is6() {
		p.detail = fmt.Sprintf("frag (0|%d) %s", len(ip.payload), p.detail)
	}
	return true
}

func udpFlow(ip ipPacket, h layers.UDP) Flow {
	return Flow{
		netip.AddrPortFrom(ip.src, uint16(h.SrcPort)),
		netip.AddrPortFrom(ip.dst, uint16(h.DstPort)),
	}
}

func (p *Packet) decodeICMPv4(b []byte) bool {
	var h layers.ICMPv4
	if h.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
		return false
	}
	p.Kind = ICMP
	switch h.TypeCode.Type() {
	case layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4TypeTimeExceeded, layers.ICMPv4TypeParameterProblem:
		p.Inner = quoted(h.Payload)
	}
	p.detail = fmt.Sprintf("ICMP %v, length %d", h.TypeCode, len(b))
	if p.Inner.Dst.IsValid() && h.TypeCode == layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodePort) {
		p.Kind = PortUnreachable
		p.detail = fmt.Sprintf("ICMP %v udp port %d unreachable, length %d", p.Inner.Dst.Addr(), p.Inner.Dst.Port(), len(b))
	}
	return true
}

func (p *Packet) decodeICMPv6(b []byte) bool {
	var h layers.ICMPv6
	if h.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
		return false
	}
	t := h.TypeCode.Type()
	if t > layers.ICMPv6TypeEchoReply {
		return false // membership of groups, routers, neighbours
	}
	p.Kind = ICMP
	if t < layers.ICMPv6TypeEchoRequest && len(h.Payload) > 4 {
		p.Inner = quoted(h.Payload[4:]) // after a field that only some errors use
	}
	p.detail = fmt.Sprintf("ICMP6, %v, length %d", h.TypeCode, len(b))
	if p.Inner.Dst.IsValid() && h.TypeCode == layers.CreateICMPv6TypeCode(layers.ICMPv6TypeDestinationUnreachable, layers.ICMPv6CodePortUnreachable) {
		p.Kind = PortUnreachable
		p.detail = fmt.Sprintf("ICMP6, destination unreachable, unreachable port, %v udp port %d, length %d",
			p.Inner.Dst.Addr(), p.Inner.Dst.Port(), len(b))
	}
	return true
}

// quoted returns the flow of the UDP datagram whose beginning an ICMP error
// carries, or the zero Flow if it is of another protocol.
func quoted(b []byte) Flow {
	ip, ok := decodeIP(b)
	var h layers.UDP
	if !ok || ip.protocol != layers.IPProtocolUDP || ip.offset > 0 ||
		h.DecodeFromBytes(ip.payload, gopacket.NilDecodeFeedback) != nil {
		return Flow{}
	}
	return udpFlow(ip, h)
}

// snapLength is the length up to which a reader of the file must expect
// packets: what tcpdump writes by default.
const snapLength = 262144

// WritePCAP writes packets to w as a file that Wireshark and tcpdump -r read:
// pcap with times in nanoseconds, and Ethernet headers. They need not be from
// one capture. Checksums that a cable leaves to its far end are not filled in;
// Wireshark does not check them by default.
func WritePCAP(w io.Writer, packets []Packet) error {
	f := pcapgo.NewWriterNanos(w)
	if err := f.WriteFileHeader(snapLength, layers.LinkTypeEthernet); err != nil {
		return fmt.Errorf("lab: writing pcap: %w", err)
	}
	for _, p := range packets {
		info := gopacket.CaptureInfo{Timestamp: p.Time, CaptureLength: len(p.Frame), Length: len(p.Frame)}
		if err := f.WritePacket(info, p.Frame); err != nil {
			return fmt.Errorf("lab: writing pcap: %w", err)
		}
	}
	return nil
}
