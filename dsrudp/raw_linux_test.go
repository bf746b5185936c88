package dsrudp_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// xnets are the PacketConns that libraries make of what they are given.
var xnets = map[string]func(c net.PacketConn) xnetConn{
	"ipv4": func(c net.PacketConn) xnetConn { return xnet4{ipv4.NewPacketConn(c)} },
	"ipv6": func(c net.PacketConn) xnetConn { return xnet6{ipv6.NewPacketConn(c)} },
}

type xnetConn interface {
	batchConn
	WriteToAddr(b []byte, addr net.Addr) (int, error)
}

type (
	xnet4 struct{ *ipv4.PacketConn }
	xnet6 struct{ *ipv6.PacketConn }
)

func (x xnet4) WriteToAddr(b []byte, addr net.Addr) (int, error) { return x.WriteTo(b, nil, addr) }
func (x xnet6) WriteToAddr(b []byte, addr net.Addr) (int, error) { return x.WriteTo(b, nil, addr) }

// TestPromise1_T1_RawRefused: on a wildcard Conn the reads and writes of x/net's types, which
// are raw ones, would be answered from the wrong source: they are an error, counted, and
// logged once. Nothing is read or sent, and setting options works.
func TestPromise1_T1_RawRefused(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	for _, w := range wildcards {
		for name, xnet := range xnets {
			if name == "ipv6" && w.network == "udp4" {
				continue
			}
			log.Reset()
			c := listen(t, w.network, w.address)
			x, y := dialVIP(t, c, vips[0]), dialVIP(t, c, vips[1])
			p := xnet(c)
			requireRaw := func(op string, err error) {
				t.Helper()
				require.ErrorIs(t, err, dsrudp.ErrRawIO)
				var outer, op2 *net.OpError
				require.ErrorAs(t, err, &outer)
				require.ErrorAs(t, outer.Err, &op2)
				require.Equal(t, op, op2.Op)
				require.Equal(t, w.network, op2.Net)
				require.Equal(t, c.LocalAddr().String(), op2.Source.String())
			}
			write(t, x, "1")
			n, err := p.ReadBatch(messages(1, 8), 0)
			requireRaw("raw-read", err)
			require.LessOrEqual(t, n, 0)
			n, err = p.WriteBatch([]ipv4.Message{message("bad", x.LocalAddr())}, 0)
			requireRaw("raw-write", err)
			require.LessOrEqual(t, n, 0)
			_, err = p.WriteToAddr([]byte("bad"), x.LocalAddr())
			requireRaw("raw-write", err)
			setsockopts(t, c, [2]int{unix.SOL_SOCKET, unix.SO_PRIORITY})
			requireNothing(t, x)
			require.EqualValues(t, 3, c.Stats().RawRefused)
			require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
			require.Contains(t, log.String(), "struct{ net.PacketConn }{conn}")

			// Without SyscallConn there is nothing to go round.
			hidden := struct{ net.PacketConn }{c}
			_, ok := any(hidden).(syscall.Conn)
			require.False(t, ok)
			write(t, y, "2")
			for range 2 {
				b := make([]byte, 8)
				n, a, err := hidden.ReadFrom(b)
				require.NoError(t, err)
				_, err = hidden.WriteTo(b[:n], a)
				require.NoError(t, err)
			}
			require.Equal(t, "1", read(t, x))
			require.Equal(t, "2", read(t, y))
		}
	}
}

// TestT1_RawAllowed: raw reads and writes work where there is one source, and where
// ListenConfig.RawIO allows them.
func TestT1_RawAllowed(t *testing.T) {
	raw := &dsrudp.ListenConfig{RawIO: true}
	for name, xnet := range xnets {
		// The client of the wildcard Conn asks the address that the kernel chooses.
		bound := listen(t, "udp", "127.0.0.2:0")
		wildcard := listenWith(t, raw, "udp", ":0")
		client := netClient(t, net.IPv4(127, 0, 0, 1))
		connected := adopt(t, dial(t, netip.AddrPort{}, addrPortOf(client.LocalAddr())))
		require.NoError(t, client.Close())
		for _, tc := range []struct {
			c *dsrudp.Conn
			x *net.UDPConn
		}{
			{bound, dialVIP(t, bound, vips[0])},
			{wildcard, dial(t, netip.AddrPort{}, netip.MustParseAddrPort(fmt.Sprint("127.0.0.1:", portOf(wildcard))))},
			{connected, dial(t, addrPortOf(client.LocalAddr()), addrPortOf(connected.LocalAddr()))},
		} {
			if name == "ipv6" && tc.c != wildcard {
				continue // an AF_INET socket
			}
			p := xnet(tc.c)
			write(t, tc.x, "1")
			ms := messages(1, 8)
			readBatch(t, p, ms)
			if tc.c == connected {
				ms[0].Addr = nil
			}
			n, err := p.WriteBatch(sent(ms), 0)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Equal(t, "1", read(t, tc.x))
			require.Zero(t, tc.c.Stats().RawRefused)
		}
	}
}
