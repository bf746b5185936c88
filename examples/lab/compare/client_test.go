//go:build linux

package compare

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// Only the right answer is one.
func TestIsAnswer(t *testing.T) {
	plain, who := &request{payload: []byte("request 1")}, &request{payload: []byte("who request 1"), told: true}
	client := &net.UDPAddr{IP: net.IPv4(203, 0, 113, 2), Port: 40695}
	require.True(t, plain.isAnswer(echo.Reply(plain.payload)))
	require.True(t, who.isAnswer(echo.Tell(who.payload, client, client)))
	for _, wrong := range []string{"", "request 1", "ECHO: ", "ECHO: request 12", "ECHO: request 2", "echo: request 1"} {
		require.False(t, plain.isAnswer([]byte(wrong)), wrong)
	}
	for _, wrong := range []string{"ECHO: who request 1", "ECHO: who request 12 local=", "who request 1 local="} {
		require.False(t, who.isAnswer([]byte(wrong)), wrong)
	}
	local, remote, err := echo.Saw(echo.Tell(who.payload, &net.UDPAddr{IP: net.IPv6unspecified, Port: 1}, client))
	require.NoError(t, err)
	require.Equal(t, netip.MustParseAddrPort("[::]:1"), local)
	require.Equal(t, netip.MustParseAddrPort("203.0.113.2:40695"), remote)
	_, _, err = echo.Saw([]byte("ECHO: request 1"))
	require.Error(t, err)
}

// The client's kernel objects to an answer from elsewhere, to that of this
// request, and says so itself.
func TestIsObjection(t *testing.T) {
	r := &request{
		from: netip.MustParseAddrPort("203.0.113.2:40695"), to: netip.MustParseAddrPort("198.51.100.2:60002"),
		payload: []byte("request 1"),
	}
	right := lab.Packet{
		Kind: lab.PortUnreachable, Outgoing: true, Frame: []byte("headers ECHO: request 1"),
		Inner: lab.Flow{Src: netip.MustParseAddrPort("198.51.100.3:60002"), Dst: r.from},
	}
	require.True(t, r.isObjection(right))
	for name, change := range map[string]func(p *lab.Packet){
		"another kind":        func(p *lab.Packet) { p.Kind = lab.ICMP },
		"someone else's":      func(p *lab.Packet) { p.Outgoing = false },
		"another port":        func(p *lab.Packet) { p.Inner.Dst = netip.MustParseAddrPort("203.0.113.2:40696") },
		"to the right answer": func(p *lab.Packet) { p.Inner.Src = r.to },
		"another request's":   func(p *lab.Packet) { p.Frame = []byte("headers ECHO: request 2") },
	} {
		p := right
		change(&p)
		require.False(t, r.isObjection(p), name)
	}
}

func TestTally(t *testing.T) {
	from := func(o outcome, a string) *request {
		return &request{outcome: o, stray: netip.AddrPortFrom(netip.MustParseAddr(a), 60002)}
	}
	for _, test := range []struct {
		says     string
		met      bool
		requests []*request
	}{
		{"2 of 2 accepted", true, []*request{{outcome: accepted}, {outcome: accepted}}},
		{"1 of 2 accepted; 1 lost without a word", false, []*request{{outcome: accepted}, {}}},
		{"0 of 2 accepted; 1 from the other address that was asked; 1 refused (ECONNREFUSED)", false, []*request{{outcome: crossed}, {outcome: refused}}},
		{
			"0 of 3 accepted; 2 rejected, with 10.0.0.1 and 10.0.0.2 for a source; 1 from 10.0.0.3, which did not reach the socket that asked", false,
			[]*request{from(rejected, "10.0.0.2"), from(dropped, "10.0.0.3"), from(rejected, "10.0.0.1")},
		},
		{
			"0 of 2 accepted; 1 that reached the server's host, which no answer left; 1 whose answer left the server's host by eth1 and did not arrive", false,
			[]*request{{outcome: unanswered}, {outcome: astray, leftBy: "eth1"}},
		},
	} {
		met, says := tally(test.requests)
		require.Equal(t, test.met, met)
		require.Equal(t, test.says, says)
		f := findingOf(test.requests, " (why)")
		n := f.numbers["accepted"]
		for _, o := range counted {
			n += f.numbers[o.number]
		}
		require.EqualValues(t, len(test.requests), n, "every request is counted, and once: %v", f.numbers)
		require.Equal(t, !test.met, strings.HasSuffix(f.says, " (why)"))
	}
	a, b := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.2:1")
	f := findingOf([]*request{{to: a, outcome: accepted}, {to: b}, {to: a, outcome: accepted}}, " (why)")
	require.Equal(t, []string{"192.0.2.1: 2 of 2 accepted", "192.0.2.2: 0 of 1 accepted; 1 lost without a word (why)"}, f.happened)
	require.EqualValues(t, 1, f.numbers["timeouts"])
	require.Equal(t, "yes (a and b)", merge([]string{"a", "b"}, []string{"yes", "yes"}))
	require.Equal(t, "a: yes; b: no", merge([]string{"a", "b"}, []string{"yes", "no"}))
}
