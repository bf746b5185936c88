package dsrudp_test

import (
	"fmt"
	"go/parser"
	"maps"
	"net"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// udpConn is what *net.UDPConn and *dsrudp.Conn have in common.
type udpConn interface {
	net.PacketConn
	net.Conn
	syscall.Conn
	File() (*os.File, error)
	SetReadBuffer(int) error
	SetWriteBuffer(int) error
	ReadFromUDP([]byte) (int, *net.UDPAddr, error)
	ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	ReadMsgUDP(b, oob []byte) (int, int, int, *net.UDPAddr, error)
	ReadMsgUDPAddrPort(b, oob []byte) (int, int, int, netip.AddrPort, error)
	WriteToUDP([]byte, *net.UDPAddr) (int, error)
	WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (int, int, error)
	WriteMsgUDPAddrPort(b, oob []byte, addr netip.AddrPort) (int, int, error)
}

// A difference between what a program sees of net's results and of these is one that a
// promise needs, and that the documentation has.
type difference struct {
	// Of "method arguments / socket / state".
	where string
	// What is there in net's results, and what there is here in its place.
	net, ours string
	promise   int    // of README.md
	method    string // of Conn, that documents it, or "Conn"
	text      string // in its documentation
}

// differences are all there are.
var differences = []difference{
	{
		`^(ReadFrom|ReadFromUDP|ReadMsgUDP)\b.* / queued$`,
		`(; \*net\.UDPAddr of \d+ bytes \S+:peer);`, "$1 and spare capacity;", 1, "ReadFrom", "spare capacity",
	},
	{`^Read`, `SyscallError (recvfrom|read) `, "SyscallError recvmsg ", 1, "Conn", "recvmsg"},
	{`^Write`, `SyscallError (sendto|write) `, "SyscallError sendmsg ", 1, "Conn", "sendmsg"},
	{`^SyscallConn Read / .* wildcard / (queued|late)$`, `^(\S+) (.*?): .*$`, rawRefused("raw-read"), 1, "SyscallConn", "ErrRawIO"},
	{`^SyscallConn Write / .* wildcard / (queued|late)$`, `^(\S+) (.*?): .*$`, rawRefused("raw-write"), 1, "SyscallConn", "ErrRawIO"},
	// What net.PacketConn says of n holds here of all methods.
	{`^ReadMsgUDP.* / refused$`, `: int -1;`, ": int 0;", 6, "ReadMsgUDP", "n is 0"},
	{`^File / (nil|zero) / `, `panic`, "bool false; syscall.Errno invalid argument", 6, "File", "nil Conn"},
}

// rawRefused is what a refused raw read or write returns, for the network and the address
// that stand before the results.
func rawRefused(op string) string {
	return "$1 $2: *net.OpError " + op + " $1 $2-><nil> <nil> timeout false temporary false | " + visible(dsrudp.ErrRawIO)
}

// A call calls a method and returns its results.
type call func(c udpConn) []any

// calls are calls of every method of *net.UDPConn, by its name and what it is given.
func calls() map[string]call {
	b := func() []byte { return make([]byte, 8) }
	raw := func(f func(raw syscall.RawConn) error) call {
		return func(c udpConn) []any {
			raw, err := c.SyscallConn()
			if err != nil {
				return []any{err}
			}
			return []any{f(raw)}
		}
	}
	all := map[string]call{
		"Close":               func(c udpConn) []any { return []any{c.Close()} },
		"File":                func(c udpConn) []any { f, err := c.File(); ok := f != nil; f.Close(); return []any{ok, err} },
		"LocalAddr":           func(c udpConn) []any { return []any{c.LocalAddr()} },
		"RemoteAddr":          func(c udpConn) []any { return []any{c.RemoteAddr()} },
		"Read":                func(c udpConn) []any { b := b(); n, err := c.Read(b); return []any{n, b, err} },
		"Read short":          func(c udpConn) []any { b := b()[:2]; n, err := c.Read(b); return []any{n, b, err} },
		"Read nothing":        func(c udpConn) []any { n, err := c.Read(nil); return []any{n, err} },
		"ReadFrom":            func(c udpConn) []any { b := b(); n, a, err := c.ReadFrom(b); return []any{n, b, a, err} },
		"ReadFrom nothing":    func(c udpConn) []any { n, a, err := c.ReadFrom(nil); return []any{n, a, err} },
		"ReadFromUDP":         func(c udpConn) []any { b := b(); n, a, err := c.ReadFromUDP(b); return []any{n, b, a, err} },
		"ReadFromUDPAddrPort": func(c udpConn) []any { b := b(); n, a, err := c.ReadFromUDPAddrPort(b); return []any{n, b, a, err} },
		"ReadMsgUDP":          func(c udpConn) []any { n, o, f, a, err := c.ReadMsgUDP(b(), nil); return []any{n, o, f, a, err} },
		"ReadMsgUDP short":    func(c udpConn) []any { n, o, f, a, err := c.ReadMsgUDP(b()[:2], nil); return []any{n, o, f, a, err} },
		"ReadMsgUDPAddrPort": func(c udpConn) []any {
			n, o, f, a, err := c.ReadMsgUDPAddrPort(b(), nil)
			return []any{n, o, f, a, err}
		},
		"SetDeadline":                    func(c udpConn) []any { return []any{c.SetDeadline(time.Time{})} },
		"SetReadDeadline":                func(c udpConn) []any { return []any{c.SetReadDeadline(time.Time{})} },
		"SetWriteDeadline":               func(c udpConn) []any { return []any{c.SetWriteDeadline(time.Time{})} },
		"SetReadBuffer":                  func(c udpConn) []any { return []any{c.SetReadBuffer(1 << 16)} },
		"SetReadBuffer, negative":        func(c udpConn) []any { return []any{c.SetReadBuffer(-1)} },
		"SetWriteBuffer":                 func(c udpConn) []any { return []any{c.SetWriteBuffer(1 << 16)} },
		"SyscallConn Control":            raw(func(raw syscall.RawConn) error { return raw.Control(func(uintptr) {}) }),
		"SyscallConn Read":               raw(func(raw syscall.RawConn) error { return raw.Read(func(uintptr) bool { return true }) }),
		"SyscallConn Write":              raw(func(raw syscall.RawConn) error { return raw.Write(func(uintptr) bool { return true }) }),
		"WriteTo other type of net.Addr": func(c udpConn) []any { n, err := c.WriteTo(nil, otherAddr{}); return []any{n, err} },
		"WriteTo nil":                    func(c udpConn) []any { n, err := c.WriteTo(nil, nil); return []any{n, err} },
	}
	for size, payload := range map[string][]byte{"": []byte("1"), ", empty": nil, ", too long": make([]byte, 1<<16)} {
		all["Write"+size] = func(c udpConn) []any { n, err := c.Write(payload); return []any{n, err} }
		for name, a := range map[string]*net.UDPAddr{
			"nil *UDPAddr":     nil,
			"no IP":            {Port: 9},
			"IPv4":             {IP: net.IPv4(127, 0, 0, 1).To4(), Port: 9},
			"IPv4 in 16 bytes": {IP: net.IPv4(127, 0, 0, 1), Port: 9},
			"IPv6":             {IP: net.IPv6loopback, Port: 9},
			"0.0.0.0":          {IP: net.IPv4zero.To4(), Port: 9},
			"::":               {IP: net.IPv6zero, Port: 9},
			"5 bytes":          {IP: make([]byte, 5), Port: 9},
			"port 0":           {IP: net.IPv4(127, 0, 0, 1)},
			"port 0, IPv6":     {IP: net.IPv6loopback},
			"port -1":          {IP: net.IPv4(127, 0, 0, 1), Port: -1},
			"port 65536":       {IP: net.IPv6loopback, Port: 65536},
			"no such zone":     {IP: net.ParseIP("fe80::1"), Port: 9, Zone: "nosuch"},
			"zone of IPv4":     {IP: net.IPv4(127, 0, 0, 1), Port: 9, Zone: "lo"},
			"zone":             {IP: net.ParseIP("fe80::1"), Port: 9, Zone: "br0"},
			"link-local":       {IP: net.ParseIP("fe80::1"), Port: 9},
			"group":            {IP: net.IPv4(224, 0, 0, 9), Port: 9},
			"group ff01::1":    {IP: net.ParseIP("ff01::1"), Port: 9},
			"group ff02::9":    {IP: net.ParseIP("ff02::9"), Port: 9},
			"broadcast":        {IP: net.IPv4bcast, Port: 9},
			"elsewhere":        {IP: net.IPv4(10, 0, 0, 9), Port: 9},
			"elsewhere, IPv6":  {IP: net.ParseIP("2001:db8::9"), Port: 9},
			"no route":         {IP: net.IPv4(198, 51, 100, 9), Port: 9},
		} {
			if size != "" && name != "IPv4" && name != "IPv6" && name != "group ff02::9" {
				continue // sizes matter once the address is good
			}
			name += size
			all["WriteTo "+name] = func(c udpConn) []any { n, err := c.WriteTo(payload, a); return []any{n, err} }
			all["WriteToUDP "+name] = func(c udpConn) []any { n, err := c.WriteToUDP(payload, a); return []any{n, err} }
			all["WriteMsgUDP "+name] = func(c udpConn) []any { n, o, err := c.WriteMsgUDP(payload, nil, a); return []any{n, o, err} }
			if ap := a.AddrPort(); a == nil || int(ap.Port()) == a.Port {
				all["WriteToUDPAddrPort "+name] = func(c udpConn) []any { n, err := c.WriteToUDPAddrPort(payload, ap); return []any{n, err} }
				all["WriteMsgUDPAddrPort "+name] = func(c udpConn) []any { n, o, err := c.WriteMsgUDPAddrPort(payload, nil, ap); return []any{n, o, err} }
			}
		}
	}
	return all
}

// TestPromise6_BesideNet calls every method of *net.UDPConn beside the one of Conn, on
// sockets of the same kind in the same state. A program sees the same, but for differences.
func TestPromise6_BesideNet(t *testing.T) {
	all := calls()
	nets := reflect.TypeFor[*net.UDPConn]()
	for i := range nets.NumMethod() {
		m := nets.Method(i)
		ours, ok := reflect.TypeFor[*dsrudp.Conn]().MethodByName(m.Name)
		require.True(t, ok, "Conn has no method %s", m.Name)
		require.Equal(t, fmt.Sprint(m.Type)[len("func(*net.UDPConn"):], fmt.Sprint(ours.Type)[len("func(*dsrudp.Conn"):], m.Name)
		require.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(name string) bool {
			return strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == ',' })[0] == m.Name
		}), "%s is not called", m.Name)
	}
	needNetlink(t) // by which net finds zones
	// In a network of its own groups and other hosts are nobody's. A bridge without ports is
	// a way to them; where there are no bridges there is none.
	if !inNamespace(t, "a method waits where net's returns") {
		return
	}
	_ = addBridge(t, "10.0.0.1")

	compiled := make([][2]*regexp.Regexp, len(differences))
	for i, d := range differences {
		compiled[i] = [2]*regexp.Regexp{regexp.MustCompile(d.where), regexp.MustCompile(d.net)}
	}
	found := make([]bool, len(differences))
	for socket, kind := range sockets {
		for state, prepare := range states {
			if state == "refused" && !strings.HasSuffix(socket, "connected") {
				continue
			}
			for name, call := range all {
				at := name + " / " + socket + " / " + state
				ours, nets := kind.ours(t), kind.nets(t)
				want, got := nets.outcome(t, kind.network, prepare, call), ours.outcome(t, kind.network, prepare, call)
				for i, re := range compiled {
					if want != got && re[0].MatchString(at) {
						expected := re[1].ReplaceAllString(want, differences[i].ours)
						found[i] = found[i] || expected != want
						want = expected
					}
				}
				if want != got {
					t.Errorf("%s:\n want %s\n got  %s", at, want, got)
				}
			}
		}
	}
	docs := documentation(t)
	for i, d := range differences {
		assert.True(t, found[i], "there is no difference %q any more", d.net)
		assert.Contains(t, docs[d.method], d.text, d.method)
		assert.Positive(t, d.promise)
	}
}

// A side is a socket, with one that writes to it.
type side struct {
	c udpConn
	x *net.UDPConn
}

// states are what the sockets are in when a method is called.
var states = map[string]func(t *testing.T, s side){
	"queued": func(t *testing.T, s side) { s.queue(t) },
	"late": func(t *testing.T, s side) {
		s.queue(t)
		_ = s.c.SetDeadline(past)
	},
	"closed": func(_ *testing.T, s side) { s.c.Close() },
	"closed late": func(_ *testing.T, s side) {
		_ = s.c.SetDeadline(past)
		s.c.Close()
	},
	// The peer is not there any more, and the socket knows.
	"refused": func(t *testing.T, s side) {
		s.queue(t)
		s.x.Close()
		_, err := s.c.Write([]byte("1"))
		require.NoError(t, err)
		onFd(t, s.c, func(fd int) {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd)}}, int(patience.Milliseconds()))
			require.NoError(t, err)
			require.Equal(t, 1, n)
		})
	},
}

// queue has a datagram queued, of which methods that read take no more than that.
func (s side) queue(t *testing.T) {
	switch {
	case s.x == nil:
	case s.x.RemoteAddr() == nil:
		_, err := s.x.WriteTo([]byte("12345"), s.c.LocalAddr())
		require.NoError(t, err)
	default:
		write(t, s.x, "12345")
	}
}

// A kind makes sockets of one kind.
type kind struct {
	network    string
	ours, nets func(t *testing.T) side
}

var sockets = map[string]kind{
	"udp4 wildcard":   listening("udp4", ":0", "127.0.0.1"),
	"udp6 wildcard":   listening("udp6", ":0", "::1"),
	"udp wildcard":    listening("udp", ":0", "::1"),
	"udp, 4 wildcard": listening("udp", ":0", "127.0.0.1"),
	"udp4 bound":      listening("udp4", "127.0.0.1:0", "127.0.0.1"),
	"udp6 bound":      listening("udp6", "[::1]:0", "::1"),
	"udp4 connected":  connected("127.0.0.1:0"),
	"udp6 connected":  connected("[::1]:0"),
	"nil": { // net's own would panic
		"udp",
		func(*testing.T) side { return side{(*dsrudp.Conn)(nil), nil} },
		func(*testing.T) side { return side{new(net.UDPConn), nil} },
	},
	"zero": {
		"udp",
		func(*testing.T) side { return side{new(dsrudp.Conn), nil} },
		func(*testing.T) side { return side{new(net.UDPConn), nil} },
	},
}

// listening is a kind that listens at address, and is written to by one of its addresses.
func listening(network, address, at string) kind {
	with := func(t *testing.T, p net.PacketConn, err error) side {
		require.NoError(t, err)
		return side{p.(udpConn), dial(t, vipPort0, netip.AddrPortFrom(netip.MustParseAddr(at), portOf(p)))}
	}
	return kind{
		network,
		func(t *testing.T) side { c, err := dsrudp.ListenPacket(network, address); return with(t, c, err) },
		func(t *testing.T) side { c, err := net.ListenPacket(network, address); return with(t, c, err) },
	}
}

// connected is a kind that is connected, to a socket at address, which writes to it.
func connected(address string) kind {
	nets := func(t *testing.T) side {
		p, err := net.ListenPacket("udp", address)
		require.NoError(t, err)
		d := net.Dialer{}
		c, err := d.DialContext(t.Context(), "udp", p.LocalAddr().String())
		require.NoError(t, err)
		u := p.(*net.UDPConn)
		return side{c.(udpConn), u}
	}
	return kind{
		"udp",
		func(t *testing.T) side {
			s := nets(t)
			c, err := dsrudp.NewConn(s.c.(*net.UDPConn))
			require.NoError(t, err)
			return side{c, s.x}
		},
		nets,
	}
}

// outcome returns what a program sees of a call's results, with the socket's network and
// address, and without its ports.
func (s side) outcome(t *testing.T, network string, prepare func(*testing.T, side), call call) (text string) {
	var ports []string
	if s.x != nil {
		defer s.x.Close()
		defer s.c.Close()
		own, peer := s.c.LocalAddr().(*net.UDPAddr), s.x.LocalAddr().(*net.UDPAddr)
		ports = []string{fmt.Sprint(":", own.Port), ":own", fmt.Sprint(":", peer.Port), ":peer"}
		text = network + " " + visible(own) + ": "
	}
	prepare(t, s)
	defer func() {
		if recover() != nil {
			text += "panic"
		}
		text = strings.NewReplacer(ports...).Replace(text)
	}()
	for i, r := range call(s.c) {
		if i > 0 {
			text += "; "
		}
		text += visible(r)
	}
	return text
}

// documentation returns the doc comments of Conn and its methods.
func documentation(t *testing.T) map[string]string {
	t.Helper()
	_, p := parsed(t, "linux", parser.ParseComments)
	docs := make(map[string]string)
	for _, typ := range p.Types {
		if typ.Name == "Conn" {
			docs["Conn"] = typ.Doc
			for _, m := range typ.Methods {
				docs[m.Name] = m.Doc
			}
		}
	}
	return docs
}
