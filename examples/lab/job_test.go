//go:build linux

package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/examples/lab/style"
)

func TestJob(t *testing.T) {
	code, stdout, stderr := do(t, parse(t, "-count", "3", "-vips", "3"), servers)
	require.Equal(t, 0, code, "%s%s", stdout, stderr)
	require.Empty(t, stderr)
	require.NotContains(t, stdout, "\x1b", "colours, and not on a terminal")
	for line := range strings.Lines(stdout) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimRight(line, "\n")), style.Width, line)
	}
	for _, s := range []string{"net     ", "dsrudp  "} {
		for _, b := range []string{"ecmp      ", "maglev    "} {
			for _, vip := range []string{
				"ipv4    198.51.100.2        ", "ipv4    198.51.100.101      ", "ipv4    198.51.100.102      ",
				"ipv6    2001:db8:198:51::2  ", "ipv6    2001:db8:198:51::101", "ipv6    2001:db8:198:51::102",
			} {
				counts := "     3         0         3          0\n"
				if s == "dsrudp  " {
					counts = "     3         3         0          0\n"
				}
				require.Contains(t, stdout, "\n  "+s+b+vip+counts)
			}
		}
	}
	require.Contains(t, stdout, "The fault is as the document has it, and one changed line repairs it:\n")
	require.Regexp(t, `\n  net +36 answers \(.*\), all from the backend's own address, all rejected\n`, stdout)
	require.Regexp(t, `\n  dsrudp +36 answers \(.*\), all from the address that was asked, all accepted\n`, stdout)
}

// The views are what the document shows of tcpdump.
func TestViews(t *testing.T) {
	_, stdout, _ := do(t, parse(t, "-lb", "maglev"), servers)
	const (
		clock = `\n    \d\d:\d\d:\d\d\.\d{6} `
		ask   = clock + `IP 203\.0\.113\.2\.(\d+) > 198\.51\.100\.2\.60002: UDP, length \d+`
	)
	m := regexp.MustCompile(`(?s)The echo server with net\.ListenUDP.*The echo server with dsrudp\.ListenUDP.*What`).FindString(stdout)
	naive, repaired, found := strings.Cut(m, "The echo server with dsrudp")
	require.True(t, found, stdout)
	// The seed is fixed, so that the first backend gets requests to the first VIP.
	view := func(pattern ...string) string {
		return strings.ReplaceAll(strings.Join(pattern, ""), "%clock", clock)
	}
	require.Regexp(t, view(`backend1`, ask, `%clockIP 10\.128\.0\.2\.60002 > 203\.0\.113\.2\.\d+: UDP, length \d+\n`), naive)
	require.Regexp(t, view(`client`, ask, `%clockIP 198\.51\.100\.3\.60002 > 203\.0\.113\.2\.\d+: UDP, length \d+`,
		`%clockIP 203\.0\.113\.2 > 198\.51\.100\.3:\s+ICMP 203\.0\.113\.2 udp port \d+ unreachable, length \d+\n`), naive)
	require.Contains(t, naive, "The client asks 198.51.100.2 and is answered by 198.51.100.3: rejected.\n")

	reply := `%clockIP 198\.51\.100\.2\.60002 > 203\.0\.113\.2\.\d+: UDP, length \d+\n\n`
	require.Regexp(t, view(`backend1`, ask, reply), repaired)
	require.Regexp(t, view(`client`, ask, reply), repaired)
	require.Contains(t, repaired, "The client asks 198.51.100.2 and is answered by 198.51.100.2: accepted.\n")
}

func TestJSON(t *testing.T) {
	code, stdout, stderr := do(t, parse(t, "-json", "-lb", "ecmp", "-family", "ipv6", "-vips", "1", "-count", "2"), servers)
	require.Equal(t, 0, code, stderr)
	require.Empty(t, stderr)
	require.Equal(t, `{"ok":true,"runs":[`+
		`{"server":"net","lb":"ecmp","family":"ipv6","vip":"2001:db8:198:51::2","sent":2,"accepted":0,"rejected":2,"timeouts":0},`+
		`{"server":"dsrudp","lb":"ecmp","family":"ipv6","vip":"2001:db8:198:51::2","sent":2,"accepted":2,"rejected":0,"timeouts":0}`+
		"]}\n", stdout)
}

func TestJSONOfEveryRun(t *testing.T) {
	code, stdout, stderr := do(t, parse(t, "-json", "-count", "1"), servers)
	require.Equal(t, 0, code, stderr)
	r := decode(t, []byte(stdout))
	require.True(t, r.OK)
	var keys []string
	for _, run := range r.Runs {
		keys = append(keys, fmt.Sprint(run.Server, " ", run.LB, " ", run.Family, " ", run.VIP))
		want := reportRun{run.Server, run.LB, run.Family, run.VIP, 1, 1, 0, 0}
		if run.Server == "net" {
			want.Accepted, want.Rejected = 0, 1
		}
		require.Equal(t, want, run)
	}
	var want []string
	for _, s := range []string{"net", "dsrudp"} {
		for _, b := range []string{"ecmp", "maglev"} {
			for _, vip := range []string{
				"ipv4 198.51.100.2", "ipv4 198.51.100.101",
				"ipv6 2001:db8:198:51::2", "ipv6 2001:db8:198:51::101",
			} {
				want = append(want, fmt.Sprintf("%s %s %s", s, b, vip))
			}
		}
	}
	require.Equal(t, want, keys)
}

// Many requests and many VIPs are asked in several volleys, of which none is
// larger than the queues on the way.
func TestManyVIPs(t *testing.T) {
	code, stdout, stderr := do(t, parse(t, "-json", "-lb", "maglev", "-family", "ipv4", "-vips", fmt.Sprint(maxVIPs), "-count", "2"), servers)
	require.Equal(t, 0, code, stderr)
	require.Len(t, decode(t, []byte(stdout)).Runs, 2*maxVIPs)

	_, _, err := do(t, options{balancers: parse(t).balancers, vips: maxVIPs + 1}, servers)
	require.Contains(t, err, "151 VIPs", "the flag's bound is the lab's")
}
