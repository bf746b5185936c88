package facts_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// conn returns a Conn on the server, bound to the address, the wildcard if it is
// the zero Addr, and the lab's port.
func (s *site) conn(t *testing.T, lc dsrudp.ListenConfig, network string, a netip.Addr) *dsrudp.Conn {
	t.Helper()
	var c *dsrudp.Conn
	require.NoError(t, s.server.Do(func() (err error) {
		c, err = lc.ListenPacket(t.Context(), network, address(a))
		return err
	}))
	return bounded(t, c)
}

// wildcard is conn for the zero ListenConfig and the wildcard.
func (s *site) wildcard(t *testing.T, network string) *dsrudp.Conn {
	t.Helper()
	return s.conn(t, dsrudp.ListenConfig{}, network, netip.Addr{})
}

// adopt makes a Conn of a socket on the test's own thread, which is in another network
// namespace.
func adopt(t *testing.T, u *net.UDPConn) *dsrudp.Conn {
	t.Helper()
	c, err := dsrudp.NewConn(u)
	require.NoError(t, err)
	return bounded(t, c)
}

// A kind is one of the ways to come by a Conn that may send IPv6 datagrams. All of
// them have IPV6_FREEBIND in the end, or are bound with it, so that the kernel lets
// anything out, and the guard is the library's.
type kind struct {
	name string
	vip  netip.Addr // that it is bound to; the zero Addr for the wildcard
	open func(t *testing.T, s *site) *dsrudp.Conn
}

var kinds = []kind{
	listening("udp6", netip.Addr{}),
	listening("udp", netip.Addr{}),
	listening("udp6", vips6[1]),
	listening("udp", vips6[1]),
	listening("udp6", rangeVIPs[1]),
	adopted("udp6", netip.Addr{}),
	adopted("udp6", netip.Addr{}, freebind),
	adopted("udp", netip.Addr{}, freebind),
	adopted("udp", netip.Addr{}),
	adopted("udp6", vips6[0], freebind),
	adopted("udp", rangeVIPs[0], freebind),
	elsewhere("udp6", netip.Addr{}),
	elsewhere("udp6", netip.Addr{}, freebind),
	elsewhere("udp", vips6[0], freebind),
}

func listening(network string, vip netip.Addr) kind {
	return kind{"listening " + network + address(vip), vip, func(t *testing.T, s *site) *dsrudp.Conn {
		return s.conn(t, dsrudp.ListenConfig{}, network, vip)
	}}
}

// adopted adopts a socket of package net, on a thread in its network namespace.
func adopted(network string, vip netip.Addr, options ...option) kind {
	name := []string{"adopted ", "adopted with FREEBIND "}[len(options)]
	return kind{name + network + address(vip), vip, func(t *testing.T, s *site) (c *dsrudp.Conn) {
		b := s.listen(t, network, vip, options...)
		require.NoError(t, s.server.Do(func() error {
			c = adopt(t, b.UDPConn)
			return nil
		}))
		return c
	}}
}

// elsewhere is adopted on a thread that is in another network namespace.
func elsewhere(network string, vip netip.Addr, options ...option) kind {
	k := adopted(network, vip, options...)
	return kind{k.name + " elsewhere", vip, func(t *testing.T, s *site) *dsrudp.Conn {
		return adopt(t, s.listen(t, network, vip, options...).UDPConn)
	}}
}

// eachKind runs f for each kind of Conn, with those of the VIPs that reach it.
func (s *site) eachKind(t *testing.T, f func(t *testing.T, c *dsrudp.Conn, vips []netip.Addr)) {
	t.Helper()
	for _, k := range kinds {
		t.Run("dsrudp/"+k.name, func(t *testing.T) {
			vips := s.vips
			if k.vip.IsValid() {
				vips = []netip.Addr{k.vip}
			}
			f(t, k.open(t, s), vips)
		})
	}
}

// eachWildcard is eachKind for those that are bound to the wildcard.
func (s *site) eachWildcard(t *testing.T, f func(t *testing.T, c *dsrudp.Conn)) {
	t.Helper()
	for _, k := range kinds {
		if !k.vip.IsValid() {
			t.Run("dsrudp/"+k.name, func(t *testing.T) { f(t, k.open(t, s)) })
		}
	}
}

// A way is a pair of methods of dsrudp.Conn by which a server receives a request and
// answers it.
type way struct {
	name    string
	receive func(c *dsrudp.Conn) (request, error)
}

// A request is one that was received.
type request struct {
	payload string
	answer  func(payload string) error
}

// The ways, with what they know the local address by.
var (
	// A Path.
	byPath = way{"WriteToPath", func(c *dsrudp.Conn) (request, error) {
		b := make([]byte, 1<<16)
		n, p, err := c.ReadFromPath(b)
		return request{string(b[:n]), func(s string) error {
			_, err := c.WriteToPath([]byte(s), p)
			return err
		}}, err
	}}
	// An address that carries it.
	byCarrier = way{"WriteTo", func(c *dsrudp.Conn) (request, error) {
		b := make([]byte, 1<<16)
		n, addr, err := c.ReadFrom(b)
		return request{string(b[:n]), func(s string) error {
			_, err := c.WriteTo([]byte(s), addr)
			return err
		}}, err
	}}
	byCarrierMsg = way{"WriteMsgUDP", func(c *dsrudp.Conn) (request, error) {
		b := make([]byte, 1<<16)
		n, _, _, addr, err := c.ReadMsgUDP(b, nil)
		return request{string(b[:n]), func(s string) error {
			_, _, err := c.WriteMsgUDP([]byte(s), nil, addr)
			return err
		}}, err
	}}
	// The path memory.
	byMemory = way{"WriteToUDPAddrPort", func(c *dsrudp.Conn) (request, error) {
		b := make([]byte, 1<<16)
		n, from, err := c.ReadFromUDPAddrPort(b)
		return request{string(b[:n]), func(s string) error {
			_, err := c.WriteToUDPAddrPort([]byte(s), from)
			return err
		}}, err
	}}
	// Control messages handed back as they came.
	byEcho = way{"WriteMsgUDPAddrPort", func(c *dsrudp.Conn) (request, error) {
		b, oob := make([]byte, 1<<16), make([]byte, 512)
		n, oobn, _, from, err := c.ReadMsgUDPAddrPort(b, oob)
		return request{string(b[:n]), func(s string) error {
			_, _, err := c.WriteMsgUDPAddrPort([]byte(s), oob[:oobn], from)
			return err
		}}, err
	}}
	// Those that move several datagrams at once, here one.
	byPackets = way{"WritePackets", func(c *dsrudp.Conn) (request, error) {
		ps := []dsrudp.Packet{{Buf: make([]byte, 1<<16)}}
		_, err := c.ReadPackets(ps)
		return request{string(ps[0].Payload()), func(s string) error {
			p := packet(s, ps[0].Path)
			p.Interface = ps[0].Interface
			_, err := c.WritePackets([]dsrudp.Packet{p})
			return err
		}}, err
	}}
	byBatch = way{"WriteBatch", func(c *dsrudp.Conn) (request, error) {
		ms := []ipv4.Message{{Buffers: [][]byte{make([]byte, 1<<16)}}}
		_, err := c.ReadBatch(ms, 0)
		return request{string(ms[0].Buffers[0][:ms[0].N]), func(s string) error {
			_, err := c.WriteBatch([]ipv4.Message{{Buffers: [][]byte{[]byte(s)}, Addr: ms[0].Addr}}, 0)
			return err
		}}, err
	}}

	ways = []way{byPath, byCarrier, byCarrierMsg, byMemory, byEcho, byPackets, byBatch}
)

// waysBut returns the ways without one.
func waysBut(w way) []way {
	return slices.DeleteFunc(slices.Clone(ways), func(other way) bool { return other.name == w.name })
}

// eachWay runs f for wildcard sockets of the networks and for every way, which is all
// that dsrudp promises to be right about.
func (s *site) eachWay(t *testing.T, networks []string, f func(t *testing.T, c *dsrudp.Conn, w way)) {
	t.Helper()
	for _, network := range networks {
		for _, w := range ways {
			t.Run("dsrudp/"+network+"/"+w.name, func(t *testing.T) { f(t, s.wildcard(t, network), w) })
		}
	}
}

// A sendWay is one to send from an address that the program names by itself. With an
// interface, the zone is its number.
type sendWay struct {
	name string
	send func(c *dsrudp.Conn, payload string, from netip.Addr, to netip.AddrPort) error
}

var sends = []sendWay{
	{"WriteToPath", func(c *dsrudp.Conn, payload string, from netip.Addr, to netip.AddrPort) error {
		_, err := c.WriteToPath([]byte(payload), path(from, to))
		return err
	}},
	{"WriteMsgUDP", func(c *dsrudp.Conn, payload string, from netip.Addr, to netip.AddrPort) error {
		_, _, err := c.WriteMsgUDP([]byte(payload), source(from), net.UDPAddrFromAddrPort(to))
		return err
	}},
	{"WriteMsgUDPAddrPort", func(c *dsrudp.Conn, payload string, from netip.Addr, to netip.AddrPort) error {
		_, _, err := c.WriteMsgUDPAddrPort([]byte(payload), source(from), to)
		return err
	}},
	{"WriteMsgUDP of RFC 2292", func(c *dsrudp.Conn, payload string, from netip.Addr, to netip.AddrPort) error {
		_, _, err := c.WriteMsgUDP([]byte(payload), source2292(from), net.UDPAddrFromAddrPort(to))
		return err
	}},
	{"WritePackets", func(c *dsrudp.Conn, payload string, from netip.Addr, to netip.AddrPort) error {
		_, err := c.WritePackets([]dsrudp.Packet{packet(payload, path(from, to))})
		return err
	}},
	{"WriteBatch", func(c *dsrudp.Conn, payload string, from netip.Addr, to netip.AddrPort) error {
		_, err := c.WriteBatch([]ipv4.Message{{
			Buffers: [][]byte{[]byte(payload)}, OOB: source(from), Addr: net.UDPAddrFromAddrPort(to),
		}}, 0)
		return err
	}},
}

// remoteSends are those that name the remote alone, for bound Conns and the path memory.
var remoteSends = []sendWay{
	{"WriteToUDPAddrPort", func(c *dsrudp.Conn, payload string, _ netip.Addr, to netip.AddrPort) error {
		_, err := c.WriteToUDPAddrPort([]byte(payload), to)
		return err
	}},
	{"WriteTo", func(c *dsrudp.Conn, payload string, _ netip.Addr, to netip.AddrPort) error {
		_, err := c.WriteTo([]byte(payload), net.UDPAddrFromAddrPort(to))
		return err
	}},
	{"WriteMsgUDP without a source", func(c *dsrudp.Conn, payload string, _ netip.Addr, to netip.AddrPort) error {
		_, _, err := c.WriteMsgUDP([]byte(payload), nil, net.UDPAddrFromAddrPort(to))
		return err
	}},
}

func path(from netip.Addr, to netip.AddrPort) dsrudp.Path {
	return dsrudp.Path{Local: netip.AddrPortFrom(from, 0), Remote: to}
}

// packet returns a Packet to send.
func packet(payload string, p dsrudp.Path) dsrudp.Packet {
	return dsrudp.Packet{Buf: []byte(payload), N: len(payload), Path: p}
}

// readPackets receives n datagrams.
func readPackets(t *testing.T, c *dsrudp.Conn, n int) (all []dsrudp.Packet) {
	t.Helper()
	for len(all) < n {
		ps := make([]dsrudp.Packet, n-len(all))
		for i := range ps {
			ps[i].Buf = make([]byte, 2048)
		}
		k, err := c.ReadPackets(ps)
		require.NoError(t, err)
		all = append(all, ps[:k]...)
	}
	return all
}

// path has a client ask c, and returns the path of that.
func (s *site) path(t *testing.T, c *dsrudp.Conn, client *net.UDPConn) dsrudp.Path {
	t.Helper()
	s.ask(t, client)
	return readPackets(t, c, 1)[0].Path
}
