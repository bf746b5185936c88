package dsrudp_test

import (
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

var (
	vipPort0 netip.AddrPort
	vipPort  = netip.MustParseAddrPort("198.51.100.2:60002")
)

// TestPromise6_MethodSet: Conn has every method of *net.UDPConn, signature by signature,
// and those of a nil Conn, and of a zero one, return what those of a zero net.UDPConn do.
func TestPromise6_MethodSet(t *testing.T) {
	nets := reflect.ValueOf(new(net.UDPConn))
	require.Greater(t, nets.NumMethod(), 20)
	for _, c := range []*dsrudp.Conn{nil, {}} {
		ours := reflect.ValueOf(c)
		for i := range nets.NumMethod() {
			name := nets.Type().Method(i).Name
			got, want := ours.MethodByName(name), nets.Method(i)
			require.True(t, got.IsValid(), "Conn has no method %s", name)
			require.Equal(t, want.Type(), got.Type(), name)
			if name != "LocalAddr" && name != "RemoteAddr" && name != "File" { // net's File panics
				require.Equal(t, call(want), call(got), name)
			}
		}
		require.Nil(t, c.LocalAddr())
		require.Nil(t, c.RemoteAddr())
		_, err := c.File()
		require.Equal(t, syscall.EINVAL, err)
		_, _, err = c.ReadFromPath(nil)
		require.Equal(t, syscall.EINVAL, err)
		_, err = c.WriteToPath(nil, dsrudp.Path{})
		require.Equal(t, syscall.EINVAL, err)
		require.Zero(t, c.Stats())
		_, ok := c.PathTo(vipPort)
		require.False(t, ok)
	}
}

// call calls a method with zero arguments and returns its results.
func call(m reflect.Value) (results []any) {
	var in []reflect.Value
	for i := range m.Type().NumIn() {
		in = append(in, reflect.Zero(m.Type().In(i)))
	}
	for _, v := range m.Call(in) {
		results = append(results, v.Interface())
	}
	return results
}

// TestPromise6_AddressesAreCopies: pion/turn edits what LocalAddr returns.
func TestPromise6_AddressesAreCopies(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0")
	require.Nil(t, c.RemoteAddr())
	d := adopt(t, dial(t, vipPort0, addrPortOf(c.LocalAddr())))
	for _, addr := range []func() net.Addr{c.LocalAddr, d.LocalAddr, d.RemoteAddr} {
		a := addr().(*net.UDPAddr)
		want := a.String()
		a.IP[len(a.IP)-1]++
		a.Port++
		require.Equal(t, want, addr().String())
	}
}

// carrying are servers that hand back the address they got, or what it carries.
var carrying = map[string]pair{
	"ReadFromPath":            pairs["ReadFromPath"],
	"ReadFrom":                pairs["ReadFrom"],
	"ReadFromUDP":             pairs["ReadFromUDP"],
	"ReadMsgUDP":              pairs["ReadMsgUDP"],
	"ReadMsgUDPAddrPort, oob": pairs["ReadMsgUDPAddrPort, oob"],
	"a short buffer for control messages": pairOf(func(c *dsrudp.Conn, b []byte) (int, *net.UDPAddr, error) {
		n, _, _, a, err := c.ReadMsgUDP(b, make([]byte, 20))
		return n, a, err
	}, (*dsrudp.Conn).WriteToUDP),
	"type assertion and struct copy": pairOf(func(c *dsrudp.Conn, b []byte) (int, net.UDPAddr, error) {
		n, a, err := c.ReadFrom(b)
		return n, *a.(*net.UDPAddr), err
	}, func(c *dsrudp.Conn, b []byte, a net.UDPAddr) (int, error) { return c.WriteTo(b, &a) }),
	"rebuilt from To4, port and zone": pairOf((*dsrudp.Conn).ReadFromUDP, func(c *dsrudp.Conn, b []byte, a *net.UDPAddr) (int, error) {
		return c.WriteToUDP(b, &net.UDPAddr{IP: a.IP.To4(), Port: a.Port, Zone: a.Zone})
	}),
	"PathOf": pairOf(func(c *dsrudp.Conn, b []byte) (int, dsrudp.Path, error) {
		n, a, err := c.ReadFrom(b)
		p, _ := dsrudp.PathOf(a)
		return n, p, err
	}, (*dsrudp.Conn).WriteToPath),
}

// rebuilding are servers that hand back an address made anew: what it carried
// is gone, and the path memory serves.
var rebuilding = map[string]pair{
	"ReadFromUDPAddrPort": pairs["ReadFromUDPAddrPort"],
	"ReadMsgUDPAddrPort":  pairs["ReadMsgUDPAddrPort"],
	"String": pairOf(func(c *dsrudp.Conn, b []byte) (int, string, error) {
		n, a, err := c.ReadFrom(b)
		return n, a.String(), err
	}, func(c *dsrudp.Conn, b []byte, s string) (int, error) {
		a, err := net.ResolveUDPAddr("udp", s)
		if err != nil {
			return 0, err
		}
		return c.WriteTo(b, a)
	}),
	"unmapped AddrPort": pairOf((*dsrudp.Conn).ReadFromUDPAddrPort, func(c *dsrudp.Conn, b []byte, a netip.AddrPort) (int, error) {
		return c.WriteToUDPAddrPort(b, netip.AddrPortFrom(a.Addr().Unmap(), a.Port()))
	}),
	"a cloned IP": pairOf((*dsrudp.Conn).ReadFromUDP, func(c *dsrudp.Conn, b []byte, a *net.UDPAddr) (int, error) {
		return c.WriteToUDP(b, &net.UDPAddr{IP: slices.Clone(a.IP), Port: a.Port})
	}),
	"an IP appended to": pairOf((*dsrudp.Conn).ReadFromUDP, func(c *dsrudp.Conn, b []byte, a *net.UDPAddr) (int, error) {
		_ = binary.BigEndian.AppendUint16(a.IP, uint16(a.Port)) // as a session key
		return c.WriteToUDP(b, a)
	}),
	// The client's address is in the datagram.
	"Read": pairOf(func(c *dsrudp.Conn, b []byte) (int, netip.AddrPort, error) {
		n, err := c.Read(b)
		client, _, _ := strings.Cut(string(b[:n]), " ")
		return n, netip.MustParseAddrPort(client), err
	}, (*dsrudp.Conn).WriteToUDPAddrPort),
}

// TestPromise6_TwoVIPs: two clients write to two VIPs, before either is answered.
func TestPromise6_TwoVIPs(t *testing.T) {
	for _, w := range wildcards {
		for _, servers := range []map[string]pair{carrying, rebuilding} {
			for name, serve := range servers {
				t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
					c := listen(t, w.network, w.address)
					x, y := dialVIP(t, c, vips[0]), dialVIP(t, c, vips[1])
					ask(t, c, serve, x, y)
					s := c.Stats()
					s.PathEntries, s.PathBytes = 0, 0
					require.Zero(t, s)
				})
			}
		}
	}
}

// TestPromise4_OnePortTwoVIPs: one client port writes to two VIPs, before either is
// answered. Only what carries the path can tell them apart.
func TestPromise4_OnePortTwoVIPs(t *testing.T) {
	for _, w := range wildcards {
		for name, serve := range carrying {
			t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
				c := listen(t, w.network, w.address)
				x, y := dialOnePort(t, c, vips[0], vips[1])
				require.Equal(t, addrPortOf(x.LocalAddr()).Port(), addrPortOf(y.LocalAddr()).Port())
				ask(t, c, serve, x, y)
			})
		}
	}
}

// TestPromise10_Truncation: a datagram longer than the buffer is an error of the call that
// can return one, counted by all, and answered from the right address. One that just fits,
// and an empty one, is whole.
func TestPromise10_Truncation(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	var truncated uint64
	for _, payload := range []string{"longer", "just", ""} {
		b := make([]byte, 4)
		fits := min(len(payload), len(b))
		write(t, x, payload)
		write(t, x, payload)
		n, p, err := c.ReadFromPath(b)
		require.Equal(t, fits < len(payload), errors.Is(err, dsrudp.ErrTruncated))
		require.Equal(t, payload[:fits], string(b[:n]))
		_, err = c.WriteToPath(b[:n], p)
		require.NoError(t, err)
		n, a, err := c.ReadFrom(b)
		require.NoError(t, err, "net says nothing of it")
		require.Equal(t, payload[:fits], string(b[:n]))
		_, err = c.WriteTo(b[:n], a)
		require.NoError(t, err)
		require.Equal(t, payload[:fits], read(t, x))
		require.Equal(t, payload[:fits], read(t, x))
		if fits < len(payload) {
			truncated += 2
		}
		require.Equal(t, truncated, c.Stats().Truncated)
	}
}

// udpConn is what *net.UDPConn and *dsrudp.Conn have in common.
type udpConn interface {
	net.PacketConn
	net.Conn
	syscall.Conn
	ReadFromUDP([]byte) (int, *net.UDPAddr, error)
	ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	ReadMsgUDP(b, oob []byte) (int, int, int, *net.UDPAddr, error)
	ReadMsgUDPAddrPort(b, oob []byte) (int, int, int, netip.AddrPort, error)
	WriteToUDP([]byte, *net.UDPAddr) (int, error)
	WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (int, int, error)
	WriteMsgUDPAddrPort(b, oob []byte, addr netip.AddrPort) (int, int, error)
}

// otherAddr is a net.Addr that is no *net.UDPAddr.
type otherAddr struct{}

func (otherAddr) Network() string { return "udp" }
func (otherAddr) String() string  { return "127.0.0.1:9" }

// mistakes are calls that fail on one socket or another, most by what they send to whom.
func mistakes() map[string]func(c udpConn) error {
	b, long := make([]byte, 16), make([]byte, 65536)
	all := map[string]func(c udpConn) error{
		"Read":                func(c udpConn) error { _, err := c.Read(b); return err },
		"Read nothing":        func(c udpConn) error { _, err := c.Read(nil); return err },
		"ReadFrom":            func(c udpConn) error { _, _, err := c.ReadFrom(b); return err },
		"ReadFromUDP":         func(c udpConn) error { _, _, err := c.ReadFromUDP(b); return err },
		"ReadFromUDPAddrPort": func(c udpConn) error { _, _, err := c.ReadFromUDPAddrPort(b); return err },
		"ReadMsgUDP":          func(c udpConn) error { _, _, _, _, err := c.ReadMsgUDP(b, nil); return err },
		"ReadMsgUDPAddrPort":  func(c udpConn) error { _, _, _, _, err := c.ReadMsgUDPAddrPort(b, nil); return err },
		"Write":               func(c udpConn) error { _, err := c.Write(b); return err },
		"WriteTo nil":         func(c udpConn) error { _, err := c.WriteTo(b, nil); return err },
		"WriteTo other type":  func(c udpConn) error { _, err := c.WriteTo(b, otherAddr{}); return err },
		"Close":               func(c udpConn) error { return c.Close() },
		// A callback that says it is not done waits, for the deadline.
		"raw Read":    rawMistake(func(raw syscall.RawConn) error { return raw.Read(func(uintptr) bool { return false }) }),
		"raw Write":   rawMistake(func(raw syscall.RawConn) error { return raw.Write(func(uintptr) bool { return true }) }),
		"raw Control": rawMistake(func(raw syscall.RawConn) error { return raw.Control(func(uintptr) {}) }),
	}
	for name, a := range map[string]*net.UDPAddr{
		"nil":           nil,
		"IPv4":          {IP: net.IPv4(127, 0, 0, 1), Port: 9},
		"IPv6":          {IP: net.IPv6loopback, Port: 9},
		"bad IP":        {IP: make([]byte, 5)},
		"long port":     {IP: net.IPv4(127, 0, 0, 1), Port: 1<<16 + 9},
		"negative port": {IP: net.IPv4(127, 0, 0, 1), Port: -1},
	} {
		all["WriteToUDP "+name] = func(c udpConn) error { _, err := c.WriteToUDP(long, a); return err }
		all["WriteMsgUDP "+name] = func(c udpConn) error { _, _, err := c.WriteMsgUDP(long, nil, a); return err }
		all["WriteTo *UDPAddr "+name] = func(c udpConn) error { _, err := c.WriteTo(long, a); return err }
	}
	for name, a := range map[string]netip.AddrPort{
		"zero": {},
		"IPv4": netip.MustParseAddrPort("127.0.0.1:9"),
		"IPv6": netip.MustParseAddrPort("[::1]:9"),
	} {
		all["WriteToUDPAddrPort "+name] = func(c udpConn) error { _, err := c.WriteToUDPAddrPort(long, a); return err }
		all["WriteMsgUDPAddrPort "+name] = func(c udpConn) error { _, _, err := c.WriteMsgUDPAddrPort(long, nil, a); return err }
	}
	return all
}

// rawMistake is f with the raw socket. That the Conn is closed shows before f or in it.
func rawMistake(f func(syscall.RawConn) error) func(c udpConn) error {
	return func(c udpConn) error {
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		return f(raw)
	}
}

// TestPromise6_ErrorShapes makes the same mistakes with net's socket and with ours, and
// wants the same error, field by field: programs switch on *net.OpError, on its
// Err, on Timeout and on what it prints.
func TestPromise6_ErrorShapes(t *testing.T) {
	sockets := map[string]func(t *testing.T) (ours, nets udpConn){
		"udp4":      listenBoth("udp4", "127.0.0.1:0"),
		"udp4 any":  listenBoth("udp4", ":0"),
		"udp6":      listenBoth("udp6", "[::1]:0"),
		"udp6 any":  listenBoth("udp6", ":0"),
		"udp":       listenBoth("udp", ":0"),
		"connected": dialBoth,
	}
	states := map[string]func(c udpConn) error{
		"open":   func(c udpConn) error { return c.SetReadDeadline(past) },
		"late":   func(c udpConn) error { return c.SetDeadline(past) },
		"closed": func(c udpConn) error { return c.Close() },
	}
	all := mistakes()
	names := slices.Sorted(maps.Keys(all))
	for socket, both := range sockets {
		for name, state := range states {
			t.Run(socket+"/"+name, func(t *testing.T) {
				for _, mistake := range names {
					ours, nets := both(t)
					require.NoError(t, state(ours))
					require.NoError(t, state(nets))
					requireSameError(t, all[mistake](nets), all[mistake](ours), mistake)
					ours.Close()
					nets.Close()
				}
			})
		}
	}
}

func listenBoth(network, address string) func(t *testing.T) (ours, nets udpConn) {
	return func(t *testing.T) (ours, nets udpConn) {
		n, err := net.ListenPacket(network, address)
		require.NoError(t, err)
		t.Cleanup(func() { n.Close() })
		return listen(t, network, address), n.(*net.UDPConn)
	}
}

// dialBoth makes connected sockets, the one of ours adopted.
func dialBoth(t *testing.T) (ours, nets udpConn) {
	server := netClient(t, net.IPv4(127, 0, 0, 1))
	c := adopt(t, dial(t, vipPort0, addrPortOf(server.LocalAddr())))
	return c, dial(t, vipPort0, addrPortOf(server.LocalAddr()))
}

// requireSameError compares two of net's errors but for the ports in them and
// the system call's name, which is the one that was made.
func requireSameError(t *testing.T, want, got error, what ...any) {
	t.Helper()
	if want == nil {
		require.NoError(t, got, what...)
		return
	}
	var w, g *net.OpError
	require.ErrorAs(t, want, &w, what...)
	require.ErrorAs(t, got, &g, what...)
	require.Equal(t, w.Op, g.Op, what...)
	require.Equal(t, w.Net, g.Net, what...)
	require.Equal(t, w.Timeout(), g.Timeout(), what...)
	require.Equal(t, w.Temporary(), g.Temporary(), what...)
	requireSameHost(t, w.Source, g.Source, what...)
	requireSameHost(t, w.Addr, g.Addr, what...)
	var wsys, gsys *os.SyscallError
	if errors.As(w.Err, &wsys) {
		require.ErrorAs(t, g.Err, &gsys, what...)
		require.Equal(t, wsys.Err, gsys.Err, what...)
		return
	}
	require.Equal(t, w.Err, g.Err, what...)
}

func requireSameHost(t *testing.T, want, got net.Addr, what ...any) {
	t.Helper()
	if want == nil {
		require.Nil(t, got, what...)
		return
	}
	require.NotNil(t, got, what...)
	require.Equal(t, want.Network(), got.Network(), what...)
	if a, ok := want.(*net.UDPAddr); ok && a != nil {
		b, ok := got.(*net.UDPAddr)
		require.True(t, ok, what...)
		require.True(t, a.IP.Equal(b.IP), "%v, want %v: %v", got, want, what)
		return
	}
	require.Equal(t, want.String(), got.String(), what...)
}
