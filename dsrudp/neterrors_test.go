package dsrudp_test

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

var (
	errTimeout = os.ErrDeadlineExceeded
	vipPort0   netip.AddrPort
	vipPort    = netip.MustParseAddrPort("198.51.100.2:60002")
)

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

// rawMistake is f with the raw socket, whose end of life shows before or in f.
func rawMistake(f func(syscall.RawConn) error) func(c udpConn) error {
	return func(c udpConn) error {
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		return f(raw)
	}
}

// TestErrorShapes makes the same mistakes with net's socket and with ours, and
// wants the same error, field by field: programs switch on *net.OpError, on its
// Err, on Timeout and on what it prints.
func TestErrorShapes(t *testing.T) {
	b := make([]byte, 16)
	long := make([]byte, 65536)
	v4, v6 := netip.MustParseAddrPort("127.0.0.1:9"), netip.MustParseAddrPort("[::1]:9")
	cases := map[string]func(c udpConn) error{
		"ReadFrom":            func(c udpConn) error { _, _, err := c.ReadFrom(b); return err },
		"ReadFromUDP":         func(c udpConn) error { _, _, err := c.ReadFromUDP(b); return err },
		"ReadFromUDPAddrPort": func(c udpConn) error { _, _, err := c.ReadFromUDPAddrPort(b); return err },
		"ReadMsgUDP":          func(c udpConn) error { _, _, _, _, err := c.ReadMsgUDP(b, nil); return err },
		"ReadMsgUDPAddrPort":  func(c udpConn) error { _, _, _, _, err := c.ReadMsgUDPAddrPort(b, nil); return err },
		"Read":                func(c udpConn) error { _, err := c.Read(b); return err },
		"Write":               func(c udpConn) error { _, err := c.Write(b); return err },
		"WriteTo":             func(c udpConn) error { _, err := c.WriteTo(long, net.UDPAddrFromAddrPort(v4)); return err },
		"WriteTo nil":         func(c udpConn) error { _, err := c.WriteTo(b, nil); return err },
		"WriteTo typed nil":   func(c udpConn) error { _, err := c.WriteTo(b, (*net.UDPAddr)(nil)); return err },
		"WriteTo other type":  func(c udpConn) error { _, err := c.WriteTo(b, otherAddr{}); return err },
		"WriteTo bad IP":      func(c udpConn) error { _, err := c.WriteTo(b, &net.UDPAddr{IP: make([]byte, 5)}); return err },
		"WriteToUDP":          func(c udpConn) error { _, err := c.WriteToUDP(long, net.UDPAddrFromAddrPort(v4)); return err },
		"WriteToUDP long port": func(c udpConn) error {
			_, err := c.WriteToUDP(b, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1<<16 + 9})
			return err
		},
		"WriteToUDP negative port": func(c udpConn) error {
			_, err := c.WriteToUDP(b, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: -1})
			return err
		},
		"WriteToUDP nil":     func(c udpConn) error { _, err := c.WriteToUDP(b, nil); return err },
		"WriteToUDP v6":      func(c udpConn) error { _, err := c.WriteToUDP(long, net.UDPAddrFromAddrPort(v6)); return err },
		"WriteToUDPAddrPort": func(c udpConn) error { _, err := c.WriteToUDPAddrPort(long, v4); return err },
		"WriteToUDPAddrPort zero": func(c udpConn) error {
			_, err := c.WriteToUDPAddrPort(b, netip.AddrPort{})
			return err
		},
		"WriteToUDPAddrPort v6": func(c udpConn) error { _, err := c.WriteToUDPAddrPort(long, v6); return err },
		"WriteMsgUDP":           func(c udpConn) error { _, _, err := c.WriteMsgUDP(long, nil, net.UDPAddrFromAddrPort(v4)); return err },
		"WriteMsgUDP nil":       func(c udpConn) error { _, _, err := c.WriteMsgUDP(long, nil, nil); return err },
		"WriteMsgUDP v6":        func(c udpConn) error { _, _, err := c.WriteMsgUDP(long, nil, net.UDPAddrFromAddrPort(v6)); return err },
		"WriteMsgUDPAddrPort":   func(c udpConn) error { _, _, err := c.WriteMsgUDPAddrPort(long, nil, v4); return err },
		"WriteMsgUDPAddrPort zero": func(c udpConn) error {
			_, _, err := c.WriteMsgUDPAddrPort(long, nil, netip.AddrPort{})
			return err
		},
		"WriteMsgUDPAddrPort v6": func(c udpConn) error { _, _, err := c.WriteMsgUDPAddrPort(long, nil, v6); return err },
	}
	// A Conn that holds datagrams refuses the first two for a reason of its own.
	raws := map[string]func(c udpConn) error{
		"raw Read":    rawMistake(func(raw syscall.RawConn) error { return raw.Read(func(uintptr) bool { return false }) }),
		"raw Write":   rawMistake(func(raw syscall.RawConn) error { return raw.Write(func(uintptr) bool { return true }) }),
		"raw Control": rawMistake(func(raw syscall.RawConn) error { return raw.Control(func(uintptr) {}) }),
	}
	states := map[string]func(t *testing.T, c udpConn){
		"open":   func(t *testing.T, c udpConn) { require.NoError(t, c.SetReadDeadline(time.Unix(1, 0))) },
		"late":   func(t *testing.T, c udpConn) { require.NoError(t, c.SetDeadline(time.Unix(1, 0))) },
		"closed": func(t *testing.T, c udpConn) { require.NoError(t, c.Close()) },
	}
	makers := map[string]func(t *testing.T) (ours, nets udpConn){
		"udp4":      listenBoth("udp4", "127.0.0.1:0"),
		"udp4 any":  listenBoth("udp4", ":0"),
		"udp6":      listenBoth("udp6", "[::1]:0"),
		"udp6 any":  listenBoth("udp6", ":0"),
		"udp":       listenBoth("udp", ":0"),
		"holding":   listenHoldingBoth,
		"connected": dialBoth,
	}
	for mname, maker := range makers {
		for sname, state := range states {
			mistakes := maps.Clone(cases)
			if mname != "holding" || sname == "closed" {
				maps.Copy(mistakes, raws)
			}
			for name, mistake := range mistakes {
				t.Run(mname+"/"+sname+"/"+name, func(t *testing.T) {
					ours, nets := maker(t)
					state(t, ours)
					state(t, nets)
					want, got := mistake(nets), mistake(ours)
					requireSameError(t, want, got)
				})
			}
			t.Run(mname+"/"+sname+"/Close", func(t *testing.T) {
				ours, nets := maker(t)
				state(t, ours)
				state(t, nets)
				requireSameError(t, nets.Close(), ours.Close())
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

// listenHoldingBoth makes sockets of which ours reads ahead and holds back what it
// writes.
func listenHoldingBoth(t *testing.T) (ours, nets udpConn) {
	_, nets = listenBoth("udp4", ":0")(t)
	return listenWith(t, &dsrudp.ListenConfig{CoalesceWrites: true}, "udp4", ":0"), nets
}

// dialBoth makes connected sockets, the one of ours adopted.
func dialBoth(t *testing.T) (ours, nets udpConn) {
	server := listen(t, "udp4", "127.0.0.1:0")
	c := adopt(t, dial(t, vipPort0, addrPortOf(server.LocalAddr())))
	return c, dial(t, vipPort0, addrPortOf(server.LocalAddr()))
}

// requireSameError compares two of net's errors but for the ports in them and
// the system call's name, which is the one that was made.
func requireSameError(t *testing.T, want, got error) {
	t.Helper()
	if want == nil {
		require.NoError(t, got)
		return
	}
	var w, g *net.OpError
	require.ErrorAs(t, want, &w)
	require.ErrorAs(t, got, &g, "%v", got)
	require.Equal(t, w.Op, g.Op)
	require.Equal(t, w.Net, g.Net)
	require.Equal(t, w.Timeout(), g.Timeout())
	require.Equal(t, w.Temporary(), g.Temporary())
	requireSameHost(t, w.Source, g.Source)
	requireSameHost(t, w.Addr, g.Addr)
	var wsys, gsys *os.SyscallError
	if errors.As(w.Err, &wsys) {
		require.ErrorAs(t, g.Err, &gsys, "%v, want %v", got, want)
		require.Equal(t, wsys.Err, gsys.Err)
		return
	}
	require.Equal(t, w.Err, g.Err)
}

func requireSameHost(t *testing.T, want, got net.Addr) {
	t.Helper()
	if want == nil {
		require.Nil(t, got)
		return
	}
	require.NotNil(t, got)
	require.Equal(t, want.Network(), got.Network())
	if a, ok := want.(*net.UDPAddr); ok && a != nil {
		b, ok := got.(*net.UDPAddr)
		require.True(t, ok, "%T", got)
		require.True(t, a.IP.Equal(b.IP), "%v, want %v", got, want)
		return
	}
	require.Equal(t, want.String(), got.String())
}
