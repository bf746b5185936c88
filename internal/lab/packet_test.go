//go:build linux

package lab_test

import (
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// frame returns the octets of a frame with these layers in it.
func frame(t testing.TB, etherType layers.EthernetType, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	eth := &layers.Ethernet{
		SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: etherType,
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true},
		append([]gopacket.SerializableLayer{eth}, ls...)...)
	require.NoError(t, err)
	return b.Bytes()
}

func ip4(p layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: p, SrcIP: net.IPv4(192, 0, 2, 1), DstIP: net.IPv4(192, 0, 2, 2)}
}

func ip6(p layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{
		Version: 6, HopLimit: 64, NextHeader: p,
		SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::2"),
	}
}

// decodeTests are packets that no lab sends by itself, with what String says
// of them, or nothing if a capture leaves them out.
func decodeTests(t testing.TB) map[string]struct {
	frame []byte
	line  string
	kind  lab.Kind
	inner bool
} {
	udp := &layers.UDP{SrcPort: 1, DstPort: 2}
	tcp := gopacket.Payload("\x00\x01\x00\x02\x00\x00\x00\x00") // as much of it as an error quotes
	icmp4 := func(typ, code uint8) *layers.ICMPv4 {
		return &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(typ, code)}
	}
	icmp6 := func(typ, code uint8) *layers.ICMPv6 {
		return &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(typ, code)}
	}
	unused := gopacket.Payload("\x00\x00\x00\x00")
	const v4, v6 = layers.EthernetTypeIPv4, layers.EthernetTypeIPv6
	return map[string]struct {
		frame []byte
		line  string
		kind  lab.Kind
		inner bool
	}{
		"ARP":          {frame: frame(t, layers.EthernetTypeARP, gopacket.Payload(make([]byte, 28)))},
		"IPv4 as ARP":  {frame: frame(t, layers.EthernetTypeARP, ip4(layers.IPProtocolUDP), udp)},
		"TCP":          {frame: frame(t, v4, ip4(layers.IPProtocolTCP), tcp)},
		"short header": {frame: frame(t, v4, gopacket.Payload("\x45"))},
		"short UDP":    {frame: frame(t, v4, ip4(layers.IPProtocolUDP), gopacket.Payload("\x00\x01"))},
		"short fragment": {
			frame: frame(t, v6, ip6(layers.IPProtocolIPv6Fragment), gopacket.Payload("\x11\x00")),
		},
		"neighbour solicitation": {frame: frame(t, v6, ip6(layers.IPProtocolICMPv6), icmp6(135, 0), unused)},
		"empty": {
			frame: frame(t, v4, ip4(layers.IPProtocolUDP), udp),
			line:  "IP 192.0.2.1.1 > 192.0.2.2.2: UDP, length 0", kind: lab.UDP,
		},
		"echo": {
			frame: frame(t, v4, ip4(layers.IPProtocolICMPv4), icmp4(8, 0)),
			line:  "IP 192.0.2.1 > 192.0.2.2: ICMP EchoRequest, length 8", kind: lab.ICMP,
		},
		"echo 6": {
			frame: frame(t, v6, ip6(layers.IPProtocolICMPv6), icmp6(128, 0), unused),
			line:  "IP6 2001:db8::1 > 2001:db8::2: ICMP6, EchoRequest, length 8", kind: lab.ICMP,
		},
		"host unreachable": {
			frame: frame(t, v4, ip4(layers.IPProtocolICMPv4), icmp4(3, 1), ip4(layers.IPProtocolUDP), udp),
			line:  "IP 192.0.2.1 > 192.0.2.2: ICMP DestinationUnreachable(Host), length 36", kind: lab.ICMP, inner: true,
		},
		"port of TCP": {
			frame: frame(t, v4, ip4(layers.IPProtocolICMPv4), icmp4(3, 3), ip4(layers.IPProtocolTCP), tcp),
			line:  "IP 192.0.2.1 > 192.0.2.2: ICMP DestinationUnreachable(Port), length 36", kind: lab.ICMP,
		},
		"port": {
			frame: frame(t, v4, ip4(layers.IPProtocolICMPv4), icmp4(3, 3), ip4(layers.IPProtocolUDP), udp),
			line:  "IP 192.0.2.1 > 192.0.2.2: ICMP 192.0.2.2 udp port 2 unreachable, length 36", kind: lab.PortUnreachable, inner: true,
		},
		"port 6": {
			frame: frame(t, v6, ip6(layers.IPProtocolICMPv6), icmp6(1, 4), unused, ip6(layers.IPProtocolUDP), udp),
			line: "IP6 2001:db8::1 > 2001:db8::2: ICMP6, destination unreachable, unreachable port, " +
				"2001:db8::2 udp port 2, length 56",
			kind: lab.PortUnreachable, inner: true,
		},
		"too big": {
			frame: frame(t, v6, ip6(layers.IPProtocolICMPv6), icmp6(2, 0), unused, ip6(layers.IPProtocolUDP), udp),
			line:  "IP6 2001:db8::1 > 2001:db8::2: ICMP6, PacketTooBig, length 56", kind: lab.ICMP, inner: true,
		},
		"first fragment": {
			frame: frame(t, v6, ip6(layers.IPProtocolIPv6Fragment),
				gopacket.Payload("\x11\x00\x00\x01\x00\x00\x00\x07\x00\x01\x00\x02\x0b\xc0\x00\x00")),
			line: "IP6 2001:db8::1.1 > 2001:db8::2.2: frag (0|8) UDP, length 3000", kind: lab.UDP,
		},
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, tt := range decodeTests(t) {
		t.Run(name, func(t *testing.T) {
			p, ok := lab.Decode(tt.frame)
			require.Equal(t, tt.line != "", ok)
			if !ok {
				return
			}
			require.Equal(t, "00:00:00.000000 "+tt.line, p.String())
			require.Equal(t, tt.kind, p.Kind)
			require.Equal(t, tt.inner, p.Inner != lab.Flow{})
			require.Equal(t, tt.frame, p.Frame)
		})
	}
}

// No frame makes the decoder fail in another way than to refuse it.
func FuzzDecode(f *testing.F) {
	for _, tt := range decodeTests(f) {
		f.Add(tt.frame)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := lab.Decode(b)
		if !ok {
			return
		}
		require.NotZero(t, p.Kind)
		require.True(t, p.Src.IsValid())
		require.True(t, p.Dst.IsValid())
		require.NotContains(t, p.String(), "invalid")
		require.LessOrEqual(t, len(p.Payload), p.Length)
		require.LessOrEqual(t, len(p.Payload), len(b))
		if p.Kind == lab.PortUnreachable {
			require.NotZero(t, p.Inner)
		}
	})
}
