//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/examples/lab/style"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A tampered conn sends what and how its function does.
type tampered struct {
	*dsrudp.Conn
	write func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error)
}

func (c tampered) WriteTo(b []byte, addr net.Addr) (int, error) { return c.write(c.Conn, b, addr) }

// tamper returns a way to listen. Sends that are given no path leave as net
// would send them.
func tamper(write func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error)) func() (net.PacketConn, error) {
	return func() (net.PacketConn, error) {
		lc := dsrudp.ListenConfig{PathMemory: -1}
		c, err := lc.ListenPacket(context.Background(), "udp", wildcard.String())
		return tampered{c, write}, err
	}
}

func silent(_ *dsrudp.Conn, b []byte, _ net.Addr) (int, error) { return len(b), nil }

// fromOtherVIP answers from a VIP that the client did not ask.
func fromOtherVIP(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error) {
	p, _ := dsrudp.PathOf(addr)
	other := netip.MustParseAddr("198.51.100.2")
	if p.Local.Addr() == other {
		other = netip.MustParseAddr("198.51.100.101")
	}
	p.Local = netip.AddrPortFrom(other, p.Local.Port())
	return c.WriteToPath(b, p)
}

// fromOtherPort returns a way to listen that answers from the own address, but
// another port.
func fromOtherPort(t *testing.T) func() (net.PacketConn, error) {
	return func() (net.PacketConn, error) {
		other, err := net.ListenUDP("udp", &net.UDPAddr{Port: lab.Port + 1})
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { other.Close() })
		return tamper(func(_ *dsrudp.Conn, b []byte, addr net.Addr) (int, error) { return other.WriteTo(b, addr) })()
	}
}

// Whatever else a server does than its name promises, the job says so, in the
// counts where they can show it, and exits with 1.
func TestSabotage(t *testing.T) {
	type counts struct{ accepted, rejected, timeouts int }
	var (
		netCounts    = counts{rejected: 2}
		dsrudpCounts = counts{accepted: 2}
	)
	for name, test := range map[string]struct {
		servers     []server
		net, dsrudp counts
		says        string
	}{
		"dsrudp is naive": {
			with("dsrudp", naive), netCounts,
			counts{rejected: 2},
			"dsrudp, maglev, ipv4, 198.51.100.2: of 2 requests 0 were accepted, 2 rejected, and 0 timed out; all should be accepted",
		},
		"net works": {
			with("net", repaired),
			counts{accepted: 2},
			dsrudpCounts,
			"net, maglev, ipv4, 198.51.100.101: of 2 requests 2 were accepted, 0 rejected, and 0 timed out; all should be rejected",
		},
		"dsrudp is silent": {
			with("dsrudp", tamper(silent)),
			netCounts,
			counts{timeouts: 2},
			"dsrudp, maglev, ipv4, 198.51.100.2: of 2 requests 0 were accepted, 0 rejected, and 2 timed out",
		},
		"net is silent": {
			with("net", tamper(silent)),
			counts{timeouts: 2},
			dsrudpCounts, "net, maglev, ipv4, 198.51.100.2: of 2 requests 0 were accepted, 0 rejected, and 2 timed out",
		},
		"dsrudp says something else": {
			with("dsrudp", tamper(func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error) {
				return c.WriteTo(bytes.ToLower(b), addr)
			})),
			netCounts,
			counts{timeouts: 2},
			"dsrudp, maglev, ipv4, 198.51.100.2: of 2 requests 0 were accepted, 0 rejected, and 2 timed out",
		},
		"dsrudp fails to send": {
			with("dsrudp", tamper(func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error) { return 0, errors.New("no paper left") })),
			netCounts,
			counts{timeouts: 2},
			"no paper left",
		},
		"dsrudp listens elsewhere": { // and the client gets ECONNREFUSED
			with("dsrudp", func() (net.PacketConn, error) { return net.ListenUDP("udp", &net.UDPAddr{Port: lab.Port + 1}) }),
			netCounts,
			counts{timeouts: 2},
			"dsrudp, maglev, ipv4, 198.51.100.2: of 2 requests 0 were accepted, 0 rejected, and 2 timed out",
		},
		"dsrudp answers twice": {
			with("dsrudp", tamper(func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error) {
				if n, err := c.WriteTo(b, addr); err != nil {
					return n, err
				}
				return c.WriteToUDPAddrPort(b, addr.(*net.UDPAddr).AddrPort()) // without a path
			})),
			netCounts, dsrudpCounts, "the answer is from 10.128.0.",
		},
		"dsrudp mixes up the VIPs": { // and the other socket on the client's port gets the answer
			with("dsrudp", tamper(fromOtherVIP)), netCounts, counts{timeouts: 2}, "dsrudp, maglev, ipv4, 198.51.100.2: of 2 requests 0 were accepted, 0 rejected, and 2 timed out",
		},
		"dsrudp repeats itself": {
			with("dsrudp", tamper(func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error) {
				if n, err := c.WriteTo(b, addr); err != nil {
					return n, err
				}
				return c.WriteTo(b, addr)
			})),
			netCounts, dsrudpCounts, "there are 2 answers, not 1",
		},
		"net answers from another port": { // is rejected, but not for the document's reason
			with("net", fromOtherPort(t)), netCounts, dsrudpCounts, ":60003, not from ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := parse(t, "-json", "-lb", "maglev", "-family", "ipv4", "-count", "2")
			if test.net.timeouts+test.dsrudp.timeouts > 0 {
				o.bound = 200 * time.Millisecond // nothing comes, however long it is
			}
			code, stdout, stderr := do(t, o, test.servers)
			require.Equal(t, 1, code)
			require.Contains(t, stderr, test.says)
			r := decode(t, []byte(stdout))
			require.False(t, r.OK)
			require.Len(t, r.Runs, 4)
			for _, run := range r.Runs {
				want := map[string]counts{"net": test.net, "dsrudp": test.dsrudp}[run.Server]
				require.Equal(t, want, counts{run.Accepted, run.Rejected, run.Timeouts}, run)
				require.Equal(t, 2, run.Sent)
			}
		})
	}
}

// People are told the same.
func TestSabotageInWords(t *testing.T) {
	code, stdout, stderr := do(t, parse(t, "-lb", "maglev", "-count", "2"), with("dsrudp", naive))
	require.Equal(t, 1, code)
	require.Empty(t, stderr)
	_, verdict, found := strings.Cut(stdout, "\nNot as expected:\n")
	require.True(t, found, stdout)
	require.NotContains(t, stdout, "as the document has it")
	require.Equal(t, 4, strings.Count(verdict, "all should be accepted"), verdict)
	for line := range strings.Lines(stdout) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), style.Width, line)
	}
}

// A job that breaks off says why, and prints what it has.
func TestServerThatCannotListen(t *testing.T) {
	broken := func() (net.PacketConn, error) { return nil, errors.New("no ears") }
	for name, runs := range map[string]int{"net": 0, "dsrudp": 1} {
		o := parse(t, "-json", "-lb", "ecmp", "-family", "ipv4", "-vips", "1", "-count", "1")
		code, stdout, stderr := do(t, o, with(name, broken))
		require.Equal(t, 1, code)
		require.Equal(t, name+", ecmp, ipv4: "+name+" on backend1: no ears\n", stderr)
		r := decode(t, []byte(stdout))
		require.False(t, r.OK)
		require.NotNil(t, r.Runs, "null is not a list")
		require.Len(t, r.Runs, runs)

		o.json.on = false
		code, stdout, _ = do(t, o, with(name, broken))
		require.Equal(t, 1, code)
		require.NotContains(t, stdout, "as the document has it")
	}
}
