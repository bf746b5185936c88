//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/examples/lab/page"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// demonstrate runs the demonstration and returns its exit code and output. What is
// printed for people has to fit their terminal.
func demonstrate(t *testing.T, o options, servers []server) (code int, stdout, stderr string) {
	t.Helper()
	labtest.Need(t)
	var out, errs strings.Builder
	code = demonstration(t.Context(), o, servers, &out, &errs)
	for line := range strings.Lines(out.String()) {
		if !o.json {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), page.Width, line)
		}
	}
	return code, out.String(), errs.String()
}

// decode reads what -json prints, and nothing else.
func decode(t *testing.T, s string) (ok bool, rows []row) {
	t.Helper()
	var r struct {
		OK   bool  `json:"ok"`
		Runs []row `json:"runs"`
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&r), s)
	require.False(t, d.More(), "more than one object: %s", s)
	require.NotNil(t, r.Runs, "null is not a list")
	return r.OK, r.Runs
}

// The demonstration shows what the document shows: net fails, and dsrudp does not.
func TestDemonstration(t *testing.T) {
	code, stdout, stderr := demonstrate(t, parse(t, "-count", "8", "-vips", "3"), servers)
	require.Equal(t, 0, code, "%s%s", stdout, stderr)
	require.Empty(t, stderr)
	require.NotContains(t, stdout, "\x1b", "colours, and not on a terminal")
	for _, s := range []string{"net     ", "dsrudp  "} {
		for _, b := range []string{"ecmp      ", "maglev    "} {
			for _, vip := range []string{"ipv4    198.51.100.2        ", "ipv4    198.51.100.102      ", "ipv6    2001:db8:198:51::101"} {
				counts := "     8         0         8          0\n"
				if s == "dsrudp  " {
					counts = "     8         8         0          0\n"
				}
				require.Contains(t, stdout, "\n  "+s+b+vip+counts)
			}
		}
	}
	require.Contains(t, stdout, "The fault is as in Google's document on UDP behind passthrough load balancers,\nand one changed line repairs it:\n")
	require.Regexp(t, `\n  net +96 answers \(.*\), all from the backend's own address, all rejected\n`, stdout)
	require.Regexp(t, `\n  dsrudp +96 answers \(.*\), all from the address that was asked, all accepted\n`, stdout)

	// The views are of tcpdump on the server's machine and on the client's.
	const (
		clock  = `\n    \d\d:\d\d:\d\d\.\d{6} IP `
		asked  = clock + `203\.0\.113\.2\.\d+ > 198\.51\.100\.2\.60002: UDP, length 25`
		right  = clock + `198\.51\.100\.2\.60002 > 203\.0\.113\.2\.\d+: UDP, length 31\n`
		inside = clock + `10\.128\.0\.[23]\.60002 > 203\.0\.113\.2\.\d+: UDP, length 31\n`
		wrong  = clock + `198\.51\.100\.[34]\.60002 > 203\.0\.113\.2\.\d+: UDP, length 31`
		icmp   = clock + `203\.0\.113\.2 > 198\.51\.100\.[34]:\n        ICMP 203\.0\.113\.2 udp port \d+ unreachable, length 67\n`
	)
	require.Regexp(t, `net\.ListenUDP\n\n  backend[12]`+asked+inside+`\n  client`+asked+wrong+icmp+
		`\n  The client asks 198\.51\.100\.2 and is answered by 198\.51\.100\.[34]: rejected\.\n`, stdout)
	require.Regexp(t, `dsrudp\.ListenUDP\n\n  backend[12]`+asked+right+`\n  client`+asked+right+
		`\n  The client asks 198\.51\.100\.2 and is answered by 198\.51\.100\.2: accepted\.\n`, stdout)
}

func TestJSON(t *testing.T) {
	code, stdout, stderr := demonstrate(t, parse(t, "-json", "-lb", "ecmp", "-family", "ipv6", "-vips", "1", "-count", "2"), servers)
	require.Equal(t, 0, code, stderr)
	require.Empty(t, stderr)
	require.Equal(t, `{"ok":true,"runs":[`+
		`{"server":"net","lb":"ecmp","family":"ipv6","vip":"2001:db8:198:51::2","sent":2,"accepted":0,"rejected":2,"timeouts":0},`+
		`{"server":"dsrudp","lb":"ecmp","family":"ipv6","vip":"2001:db8:198:51::2","sent":2,"accepted":2,"rejected":0,"timeouts":0}`+
		"]}\n", stdout)

	// As many VIPs as the flag takes, which is as many as a lab has, in batches that
	// no queue on the way is too short for.
	code, stdout, stderr = demonstrate(t, parse(t, "-json", "-lb", "maglev", "-family", "ipv4", "-vips", fmt.Sprint(maxVIPs)), servers)
	require.Equal(t, 0, code, stderr)
	_, rows := decode(t, stdout)
	require.Len(t, rows, 2*maxVIPs)
	_, _, stderr = demonstrate(t, options{balancers: parse(t).balancers, vips: maxVIPs + 1}, servers)
	require.Contains(t, stderr, "151 VIPs")
}

func TestPCAP(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet", "there")
	code, _, stderr := demonstrate(t, parse(t, "-pcap", dir, "-vips", "1", "-count", "1"), servers)
	require.Equal(t, 0, code, stderr)
	answers := map[string]int{"client": 0, "backend1": 0, "backend2": 0}
	for _, s := range servers {
		for _, run := range []string{"ecmp-ipv4", "ecmp-ipv6", "maglev-ipv4", "maglev-ipv6"} {
			for host := range answers {
				b, err := os.ReadFile(filepath.Join(dir, s.name+"-"+run+"-"+host+".pcap"))
				require.NoError(t, err)
				answers[host] += bytes.Count(b, []byte("ECHO: request 1 to "))
			}
		}
	}
	const all, quoted = 8, 4 // quoted in ICMP messages of the client, which rejects those of net
	require.Equal(t, all+quoted, answers["client"])
	require.Equal(t, all+quoted, answers["backend1"]+answers["backend2"])

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	code, _, stderr = demonstrate(t, parse(t, "-pcap", file, "-json"), servers)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, file)
}

// A tampered conn sends what and how its function does.
type tampered struct {
	*dsrudp.Conn
	write func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error)
}

func (c tampered) WriteTo(b []byte, addr net.Addr) (int, error) { return c.write(c.Conn, b, addr) }

// tamper returns a way to listen. Sends that are given no path leave as net would
// send them.
func tamper(write func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error)) func() (net.PacketConn, error) {
	return func() (net.PacketConn, error) {
		lc := dsrudp.ListenConfig{PathMemory: -1}
		c, err := lc.ListenPacket(context.Background(), "udp", wildcard.String())
		return tampered{c, write}, err
	}
}

// with returns the servers of the program, one of them with another way to listen.
func with(name string, listen func() (net.PacketConn, error)) []server {
	changed := append([]server(nil), servers...)
	for i := range changed {
		if changed[i].name == name {
			changed[i].listen = listen
		}
	}
	return changed
}

// Whatever else a server does than its name promises, the demonstration says so, in
// the counts where they can show it, and exits with 1.
func TestSabotage(t *testing.T) {
	type counts struct{ accepted, rejected, timeouts int }
	fine := map[string]counts{"net": {rejected: 2}, "dsrudp": {accepted: 2}}
	const silence = "dsrudp, maglev, ipv4, 198.51.100.2: of 2 requests 0 were accepted, 0 rejected, and 2 timed out; all should be accepted"
	silent := func(_ *dsrudp.Conn, b []byte, _ net.Addr) (int, error) { return len(b), nil }
	twice := func(again func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error)) func() (net.PacketConn, error) {
		return tamper(func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error) {
			n, err := c.WriteTo(b, addr)
			if err == nil {
				return again(c, b, addr)
			}
			return n, err
		})
	}
	elsewhere := func() (net.PacketConn, error) { return net.ListenUDP("udp", &net.UDPAddr{Port: lab.Port + 1}) }
	for name, test := range map[string]struct {
		server string
		listen func() (net.PacketConn, error)
		counts counts
		says   string
	}{
		"dsrudp is naive":      {"dsrudp", servers[0].listen, counts{rejected: 2}, "dsrudp, maglev, ipv4, 198.51.100.2: of 2 requests 0 were accepted, 2 rejected"},
		"net works":            {"net", servers[1].listen, counts{accepted: 2}, "net, maglev, ipv4, 198.51.100.101: of 2 requests 2 were accepted, 0 rejected, and 0 timed out; all should be rejected"},
		"dsrudp is silent":     {"dsrudp", tamper(silent), counts{timeouts: 2}, silence},
		"dsrudp fails to send": {"dsrudp", tamper(func(*dsrudp.Conn, []byte, net.Addr) (int, error) { return 0, errors.New("no paper left") }), counts{timeouts: 2}, "no paper left"},
		"dsrudp mixes up the VIPs": { // and the other socket on the client's port gets the answer
			"dsrudp", tamper(func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error) {
				p, _ := dsrudp.PathOf(addr)
				other := map[string]string{"198.51.100.2": "198.51.100.101", "198.51.100.101": "198.51.100.2"}[p.Local.Addr().String()]
				p.Local = netip.AddrPortFrom(netip.MustParseAddr(other), p.Local.Port())
				return c.WriteToPath(b, p)
			}), counts{timeouts: 2}, silence,
		},
		"dsrudp answers from elsewhere too": {"dsrudp", twice(func(c *dsrudp.Conn, b []byte, addr net.Addr) (int, error) {
			return c.WriteToUDPAddrPort(b, addr.(*net.UDPAddr).AddrPort()) // without a path
		}), fine["dsrudp"], "the answer is from 10.128.0."},
		"dsrudp repeats itself": {"dsrudp", twice((*dsrudp.Conn).WriteTo), fine["dsrudp"], "there are 2 answers, not 1"},
		"net answers from another port": { // is rejected, but not for the document's reason
			"net", func() (net.PacketConn, error) {
				other, err := elsewhere()
				if err != nil {
					return nil, err
				}
				t.Cleanup(func() { other.Close() })
				return tamper(func(_ *dsrudp.Conn, b []byte, addr net.Addr) (int, error) { return other.WriteTo(b, addr) })()
			}, fine["net"], ":60003, not from ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := parse(t, "-json", "-lb", "maglev", "-family", "ipv4", "-count", "2")
			if test.counts.timeouts > 0 {
				o.bound = 200 * time.Millisecond // nothing comes, however long it is
			}
			code, stdout, stderr := demonstrate(t, o, with(test.server, test.listen))
			require.Equal(t, 1, code)
			require.Contains(t, stderr, test.says)
			ok, rows := decode(t, stdout)
			require.False(t, ok)
			require.Len(t, rows, 4)
			for _, r := range rows {
				want := fine[r.Server]
				if r.Server == test.server {
					want = test.counts
				}
				require.Equal(t, want, counts{r.Accepted, r.Rejected, r.Timeouts}, r)
			}
		})
	}

	// People get the same in words.
	code, stdout, stderr := demonstrate(t, parse(t, "-lb", "maglev", "-count", "2"), with("dsrudp", servers[0].listen))
	require.Equal(t, 1, code)
	require.Empty(t, stderr)
	_, verdict, found := strings.Cut(stdout, "\nNot as expected:\n")
	require.True(t, found, stdout)
	require.NotContains(t, stdout, "as in Google's document")
	require.Equal(t, 4, strings.Count(verdict, "all should be accepted"), verdict)
}

// A demonstration that breaks off says why, and prints what it has.
func TestServerThatCannotListen(t *testing.T) {
	for name, runs := range map[string]int{"net": 0, "dsrudp": 1} {
		o := parse(t, "-json", "-lb", "ecmp", "-family", "ipv4", "-vips", "1", "-count", "1")
		code, stdout, stderr := demonstrate(t, o, with(name, func() (net.PacketConn, error) { return nil, errors.New("no socket") }))
		require.Equal(t, 1, code)
		require.Equal(t, name+", ecmp, ipv4: "+name+" on backend1: no socket\n", stderr)
		ok, rows := decode(t, stdout)
		require.False(t, ok)
		require.Len(t, rows, runs)
	}
}
