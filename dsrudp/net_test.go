package dsrudp_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

var (
	vipPort0 netip.AddrPort
	vipPort  = netip.MustParseAddrPort("198.51.100.2:60002")
)

// A pair is a method that reads and the one to answer with.
type pair struct {
	// echo answers one datagram.
	echo func(c *dsrudp.Conn, b []byte) error
	// both receives two datagrams before it answers the last and then the first: what
	// answered each before it read the next would look right with a table that knows
	// only the last path.
	both func(t *testing.T, c *dsrudp.Conn)
}

func pairOf[A any](read func(*dsrudp.Conn, []byte) (int, A, error), write func(*dsrudp.Conn, []byte, A) (int, error)) pair {
	return pair{
		echo: func(c *dsrudp.Conn, b []byte) error {
			n, a, err := read(c, b)
			if err == nil {
				_, err = write(c, b[:n], a)
			}
			return err
		},
		both: func(t *testing.T, c *dsrudp.Conn) {
			t.Helper()
			var payloads [2][]byte
			var from [2]A
			for i := range payloads {
				b := make([]byte, 256)
				n, a, err := read(c, b)
				require.NoError(t, err)
				payloads[i], from[i] = b[:n], a
			}
			for i, b := range slices.Backward(payloads[:]) {
				n, err := write(c, b, from[i])
				require.NoError(t, err)
				require.Equal(t, len(b), n)
			}
		},
	}
}

// pairs are the pairs of methods, by the one that reads.
var pairs = map[string]pair{
	"ReadFromPath":        pairOf((*dsrudp.Conn).ReadFromPath, (*dsrudp.Conn).WriteToPath),
	"ReadFrom":            pairOf((*dsrudp.Conn).ReadFrom, (*dsrudp.Conn).WriteTo),
	"ReadFromUDP":         pairOf((*dsrudp.Conn).ReadFromUDP, (*dsrudp.Conn).WriteToUDP),
	"ReadFromUDPAddrPort": pairOf((*dsrudp.Conn).ReadFromUDPAddrPort, (*dsrudp.Conn).WriteToUDPAddrPort),
	"ReadMsgUDP": pairOf(func(c *dsrudp.Conn, b []byte) (int, *net.UDPAddr, error) {
		n, _, _, a, err := c.ReadMsgUDP(b, nil)
		return n, a, err
	}, func(c *dsrudp.Conn, b []byte, a *net.UDPAddr) (int, error) {
		n, _, err := c.WriteMsgUDP(b, nil, a)
		return n, err
	}),
	"ReadMsgUDPAddrPort": pairOf(func(c *dsrudp.Conn, b []byte) (int, netip.AddrPort, error) {
		n, _, _, a, err := c.ReadMsgUDPAddrPort(b, nil)
		return n, a, err
	}, func(c *dsrudp.Conn, b []byte, a netip.AddrPort) (int, error) {
		n, _, err := c.WriteMsgUDPAddrPort(b, nil, a)
		return n, err
	}),
	// Control messages handed back.
	"ReadMsgUDPAddrPort, oob": pairOf(func(c *dsrudp.Conn, b []byte) (n int, a withOOB, err error) {
		n, a.oobn, _, a.addr, err = c.ReadMsgUDPAddrPort(b, a.oob[:])
		return n, a, err
	}, func(c *dsrudp.Conn, b []byte, a withOOB) (int, error) {
		before := a.oob
		n, oobn, err := c.WriteMsgUDPAddrPort(b, a.oob[:a.oobn], a.addr)
		if oobn != a.oobn || before != a.oob {
			panic("the caller's control messages were changed or not all sent")
		}
		return n, err
	}),
}

type withOOB struct {
	addr netip.AddrPort
	oob  [128]byte
	oobn int
}

// ask has two clients write at the same time, s answer, and wants each one's own back.
func ask(t *testing.T, c *dsrudp.Conn, s pair, x, y *net.UDPConn) {
	t.Helper()
	question := func(x *net.UDPConn) string { return fmt.Sprint(x.LocalAddr(), " to ", x.RemoteAddr()) }
	write(t, x, question(x))
	write(t, y, question(y))
	s.both(t, c)
	require.Equal(t, question(x), read(t, x))
	require.Equal(t, question(y), read(t, y))
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

// onWildcards runs a test with each wildcard endpoint and each server.
func onWildcards(t *testing.T, servers map[string]pair, test func(t *testing.T, w endpoint, server pair)) {
	for _, w := range wildcards {
		for name, server := range servers {
			t.Run(fmt.Sprint(w, "/", name), func(t *testing.T) { test(t, w, server) })
		}
	}
}

// TestPromise6_TwoVIPs: two clients write to two VIPs, before either is answered.
func TestPromise6_TwoVIPs(t *testing.T) {
	for _, servers := range []map[string]pair{carrying, rebuilding} {
		onWildcards(t, servers, func(t *testing.T, w endpoint, server pair) {
			c := listen(t, w.network, w.address)
			x, y := dialVIP(t, c, vips[0]), dialVIP(t, c, vips[1])
			ask(t, c, server, x, y)
			require.Zero(t, faults(c))
			requireTraffic(t, c, 2, len(fmt.Sprint(x.LocalAddr(), " to ", x.RemoteAddr(), "", y.LocalAddr(), " to ", y.RemoteAddr())))
		})
	}
}

// TestPromise4_OnePortTwoVIPs: one client port writes to two VIPs, before either is
// answered. Only what carries the path can tell them apart.
func TestPromise4_OnePortTwoVIPs(t *testing.T) {
	onWildcards(t, carrying, func(t *testing.T, w endpoint, server pair) {
		c := listen(t, w.network, w.address)
		x, y := dialOnePort(t, c, vips[0], vips[1])
		require.Equal(t, addrPortOf(x.LocalAddr()).Port(), addrPortOf(y.LocalAddr()).Port())
		ask(t, c, server, x, y)
	})
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

// TestT10_Printed: where an IPv4 peer is in an error of a dual-stack socket, net's methods print
// what they were given, as net's do, and the others an IPv4 address.
func TestT10_Printed(t *testing.T) {
	c := listen(t, "udp", ":0")
	mapped := netip.MustParseAddrPort("[::ffff:127.0.0.1]:9")
	p := dsrudp.Path{Local: netip.MustParseAddrPort("198.51.100.77:0"), Remote: mapped}
	long := make([]byte, 1<<16)
	printed := func(err error) string {
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		require.NotContains(t, op.Err.Error(), "::ffff")
		return op.Addr.String()
	}
	_, err := c.WriteToUDPAddrPort(long, mapped)
	require.Equal(t, "[::ffff:127.0.0.1]:9", printed(err))
	_, err = c.WriteTo(long, net.UDPAddrFromAddrPort(mapped))
	require.Equal(t, "127.0.0.1:9", printed(err))
	_, err = c.WriteToPath(nil, p)
	require.Equal(t, "127.0.0.1:9", printed(err))
	for _, n := range []int{0, 99} { // the first is refused when it is sent, the other at once
		ps := []dsrudp.Packet{{N: n, Path: p}}
		_, err = c.WritePackets(ps)
		require.Error(t, err)
		require.Equal(t, "127.0.0.1:9", printed(ps[0].Err))
	}
}

// TestPromise6_T14_OrderOfErrors: that a Conn is closed, and then that a deadline has passed, is
// an error before what is wrong with the source, as with net, whether another Conn keeps the
// guard open or not, and counts as nothing.
func TestPromise6_T14_OrderOfErrors(t *testing.T) {
	for _, tc := range []struct{ network, remote, foreign, other string }{
		{"udp4", "127.0.0.1:9", "198.51.100.77", "::1"},
		{"udp", "[::1]:9", "2001:db8::77", "127.0.0.1"},
		{"udp6", "[::1]:9", "2001:db8::77", "127.0.0.1"},
	} {
		to := netip.MustParseAddrPort(tc.remote)
		for name, write := range map[string]struct {
			want error
			call func(c *dsrudp.Conn) (int, error)
		}{
			"unknown":         {dsrudp.ErrNoPath, func(c *dsrudp.Conn) (int, error) { return c.WriteToUDPAddrPort(nil, to) }},
			"no local":        {dsrudp.ErrNoPath, func(c *dsrudp.Conn) (int, error) { return c.WriteToPath(nil, dsrudp.Path{Remote: to}) }},
			"foreign":         {dsrudp.ErrNotLocal, func(c *dsrudp.Conn) (int, error) { return c.WriteToPath(nil, pathTo(tc.foreign, to)) }},
			"of other family": {dsrudp.ErrNotLocal, func(c *dsrudp.Conn) (int, error) { return c.WriteToPath(nil, pathTo(tc.other, to)) }},
			"of other port":   {dsrudp.ErrNotLocal, func(c *dsrudp.Conn) (int, error) { return c.WriteToPath(nil, dsrudp.Path{Local: to, Remote: to}) }},
		} {
			for _, shared := range []bool{false, true} {
				t.Run(fmt.Sprint(tc.network, "/", name, "/", shared), func(t *testing.T) {
					if name == "foreign" {
						needNetlink(t)
					}
					c := listenWith(t, &dsrudp.ListenConfig{Strict: true}, tc.network, ":0")
					if shared {
						listen(t, tc.network, ":0")
					}
					require.NoError(t, c.SetWriteDeadline(past))
					_, err := write.call(c)
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
					require.NoError(t, c.SetWriteDeadline(time.Time{}))
					_, err = write.call(c)
					require.ErrorIs(t, err, write.want)
					require.NoError(t, c.Close())
					require.ErrorIs(t, c.Close(), net.ErrClosed)
					_, err = write.call(c)
					require.ErrorIs(t, err, net.ErrClosed)
					require.NotErrorIs(t, err, write.want)
					require.EqualValues(t, 1, c.Stats().Refused)
				})
			}
		}
	}
}

// otherAddr is a net.Addr that is no *net.UDPAddr.
type otherAddr struct{}

func (otherAddr) Network() string { return "udp" }

func (otherAddr) String() string { return "127.0.0.1:9" }

// chain returns an error as a program can see it, from the outside in: the types, and what
// net's have in them.
func chain(err error) string {
	var all []string
	for ; err != nil; err = errors.Unwrap(err) {
		switch e := err.(type) {
		case *net.OpError:
			all = append(all, fmt.Sprintf("*net.OpError %s %s %s->%s timeout %v temporary %v",
				e.Op, e.Net, visible(e.Source), visible(e.Addr), e.Timeout(), e.Temporary()))
		case *os.SyscallError:
			all = append(all, "*os.SyscallError "+e.Syscall)
		default:
			all = append(all, fmt.Sprintf("%T %v", e, e))
		}
	}
	return strings.Join(all, " | ")
}

// visible returns a value as a program can see it.
func visible(v any) string {
	switch v := v.(type) {
	case error:
		return chain(v)
	case *net.UDPAddr:
		if v == nil {
			return "(*net.UDPAddr)(nil)"
		}
		s := fmt.Sprintf("*net.UDPAddr of %d bytes %v", len(v.IP), v)
		if cap(v.IP) > len(v.IP) {
			s += " and spare capacity"
		}
		return s
	}
	// The type by which both packages make a netip.AddrPort a net.Addr has one name.
	return strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T %v", v, v), "net."), "dsrudp.")
}

// requireSameError requires that a program can see no difference between errors, but for the
// system call, which may be the one for several datagrams.
func requireSameError(t *testing.T, want, got error) {
	t.Helper()
	require.Equal(t, chain(want), strings.ReplaceAll(chain(got), "mmsg", "msg"))
}
