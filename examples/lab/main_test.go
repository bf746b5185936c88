//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) {
	// Without colours, as by main where stdout is not a terminal.
	labtest.ProgramMain(m, main, text.DisableColors)
}

// A report is what -json prints.
type report struct {
	OK   bool        `json:"ok"`
	Runs []reportRun `json:"runs"`
}

type reportRun struct {
	Server   string     `json:"server"`
	LB       string     `json:"lb"`
	Family   string     `json:"family"`
	VIP      netip.Addr `json:"vip"`
	Sent     int        `json:"sent"`
	Accepted int        `json:"accepted"`
	Rejected int        `json:"rejected"`
	Timeouts int        `json:"timeouts"`
}

// decode reads a report, and nothing but a report.
func decode(t *testing.T, b []byte) report {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var r report
	require.NoError(t, d.Decode(&r), "%s", b)
	require.False(t, d.More(), "more than one object: %s", b)
	return r
}

// parse returns the options of a command line.
func parse(t *testing.T, args ...string) options {
	t.Helper()
	o, err := parseFlags(args)
	require.NoError(t, err)
	return o
}

// do runs the job and returns its exit code and output.
func do(t *testing.T, o options, servers []server) (code int, stdout, stderr string) {
	t.Helper()
	labtest.Need(t)
	var out, errs strings.Builder
	code = job(t.Context(), o, servers, &out, &errs)
	return code, out.String(), errs.String()
}

// with returns the servers of the program, one of them with another way to listen.
func with(name string, listen func() (net.PacketConn, error)) []server {
	var changed []server
	for _, s := range servers {
		if s.name == name {
			s.listen = listen
		}
		changed = append(changed, s)
	}
	return changed
}

var naive, repaired = servers[0].listen, servers[1].listen

func TestServersListenAsTheirNamesSay(t *testing.T) {
	labtest.Need(t)
	h := labtest.NewHost(t, "server")
	for name, s := range map[string]server{"*net.UDPConn": servers[0], "*dsrudp.Conn": servers[1]} {
		require.NoError(t, h.Do(func() error {
			c, err := s.listen()
			require.NoError(t, err)
			require.Equal(t, name, fmt.Sprintf("%T", c))
			require.Equal(t, lab.Port, c.LocalAddr().(*net.UDPAddr).Port)
			require.True(t, c.LocalAddr().(*net.UDPAddr).IP.IsUnspecified())
			return c.Close()
		}))
	}
}
