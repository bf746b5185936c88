//go:build linux

package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// runProgram runs the program itself.
func runProgram(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	cmd := labtest.Program(t, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		require.True(t, errors.As(err, &exit), err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestProgram(t *testing.T) {
	labtest.Need(t)
	code, stdout, stderr := runProgram(t, "-json", "-lb", "maglev", "-count", "1")
	require.Equal(t, 0, code, stderr)
	require.True(t, decode(t, []byte(stdout)).OK)

	code, stdout, stderr = runProgram(t, "-lb", "maglev", "-family", "ipv6", "-count", "2")
	require.Equal(t, 0, code, stderr)
	require.Contains(t, stdout, "one changed line repairs it")
	require.NotContains(t, stdout, "\x1b", "colours, and not on a terminal")
}

func TestProgramRefusesFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"-lb", "random"}, "-lb random: it is ecmp, maglev or both"},
		{[]string{"-family", "ipx"}, "-family ipx: it is ipv4, ipv6 or both"},
		{[]string{"-vips", "0"}, "-vips 0: it is 1 to 150"},
		{[]string{"-vips", "151"}, "-vips 151: it is 1 to 150"},
		{[]string{"-count", "-1"}, "-count -1: it is 1 to 1000"},
		{[]string{"-count", "1001"}, "-count 1001: it is 1 to 1000"},
		{[]string{"-count", "many"}, `invalid value "many" for flag -count: parse error`},
		{[]string{"-quick"}, "flag provided but not defined: -quick"},
		{[]string{"-json", "ecmp"}, `takes no arguments, got ["ecmp"] (-json takes a file with -compare alone)`},
		{[]string{"-json=file"}, "-json=file goes with -compare"},
		{[]string{"-json="}, `invalid boolean value "" for -json: no file name`},
		{[]string{"-report", "dir"}, "-report goes with -compare"},
		{[]string{"-repair", "bind"}, "-repair goes with -compare"},
		{[]string{"-question", "ipv6"}, "-question goes with -compare"},
		{[]string{"-compare", "-repair", "bind,"}, `invalid value "bind," for flag -repair: a word is missing`},
		{[]string{"-compare", "-repair", "hope"}, `compare: repair "hope": it is one of none, dnat-iptables, dnat-nft, mangle, bind, bind-dsrudp, pktinfo, dsrudp`},
		{[]string{"-compare", "-lb", "ecmp"}, "-lb does not go with -compare"},
		{[]string{"-compare", "-json", "file", "more"}, `takes no arguments, got ["more"]`},
	} {
		code, stdout, stderr := runProgram(t, test.args...)
		require.Equal(t, 2, code, test.args)
		require.Empty(t, stdout)
		require.Equal(t, "lab: "+test.says+"; see -help\n", stderr)
	}
}

func TestProgramHelps(t *testing.T) {
	code, stdout, stderr := runProgram(t, "-help")
	require.Equal(t, 0, code)
	require.Empty(t, stderr)
	for _, flag := range []string{"-compare", "-count", "-family", "-json", "-lb", "-pcap", "-question", "-repair", "-report", "-vips"} {
		require.Regexp(t, `\n  `+flag+`\b`, stdout)
	}
	require.Contains(t, stdout, "\n  -json [file]\n")
	require.Contains(t, stdout, "print one JSON object and nothing else; with -compare and a [file], write it there")
}

func TestFlags(t *testing.T) {
	o := parse(t)
	require.Equal(t, []lab.Balancer{lab.ECMP, lab.Maglev}, o.balancers)
	require.Equal(t, []family{ipv4, ipv6}, o.families)
	require.Equal(t, bound, o.bound)
	o = parse(t, "-lb", "ecmp", "-family", "ipv6", "-vips", "150", "-count", "1000", "-pcap", "d", "-json")
	require.Equal(t, []lab.Balancer{lab.ECMP}, o.balancers)
	require.Equal(t, []family{ipv6}, o.families)
	require.Equal(t, 150, o.vips)
	require.Equal(t, 1000, o.count)
	require.Equal(t, "d", o.pcap)
	require.Equal(t, jsonFlag{on: true}, o.json)
}
