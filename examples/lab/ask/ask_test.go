//go:build linux

package ask

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

var (
	client = netip.MustParseAddrPort("203.0.113.2:40695")
	vip    = netip.MustParseAddrPort("198.51.100.2:60002")
	own    = netip.MustParseAddrPort("198.51.100.3:60002")
)

// What a socket has read is accepted, whatever the wire has shown; a wrong answer
// before it is not, and what has been seen is waited for.
func TestSettle(t *testing.T) {
	labtest.Need(t) // for a loopback interface of its own
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	c, err := net.DialUDP("udp", nil, server.LocalAddr().(*net.UDPAddr))
	require.NoError(t, err)
	defer c.Close()
	to := server.LocalAddr().(*net.UDPAddr).AddrPort()
	send := func(payloads ...string) {
		for _, p := range payloads {
			_, err := server.WriteTo([]byte(p), c.LocalAddr())
			require.NoError(t, err)
		}
	}
	for _, test := range []struct {
		name string
		seen Request
		sent []string
		want Outcome
	}{
		{"nothing", Request{}, nil, Lost},
		{"not seen, and yet there", Request{}, []string{"ECHO: x"}, Accepted},
		{"a wrong answer", Request{}, []string{"ECHO: y", "ECHO: xx", "ECHO: "}, Lost},
		{"the right one behind another", Request{}, []string{"ECHO: y", "ECHO: x"}, Accepted},
		{"seen and refused by the kernel", Request{source: own, objected: true}, nil, Rejected},
		{"the same, and yet there", Request{source: own, objected: true}, []string{"ECHO: x"}, Accepted},
		{"seen from elsewhere", Request{source: own}, nil, Dropped},
	} {
		r := test.seen
		r.conn, r.To, r.Payload = c, to, []byte("x")
		send(test.sent...)
		require.NoError(t, r.settle(10*time.Second))
		require.Equal(t, test.want, r.Outcome, test.name)
	}

	r := Request{conn: c, To: to, Payload: []byte("x"), source: to}
	time.AfterFunc(10*time.Millisecond, func() { server.WriteTo([]byte("ECHO: x"), c.LocalAddr()) }) // seen, and not yet there
	require.NoError(t, r.settle(10*time.Second))
	require.Equal(t, Accepted, r.Outcome)

	require.NoError(t, server.Close())
	_, err = c.Write([]byte("x"))
	require.NoError(t, err)
	r = Request{conn: c, To: to, Payload: []byte("x"), refused: true}
	require.NoError(t, r.settle(10*time.Second))
	require.Equal(t, Refused, r.Outcome)
}

// The wire has shown all there is of a request when the answer came from the right
// address, or the client's kernel refused one from another: this answer, and not that
// to another request from the same port.
func TestSee(t *testing.T) {
	answer := func(from netip.AddrPort, payload string) lab.Packet {
		return lab.Packet{Kind: lab.UDP, Flow: lab.Flow{Src: from, Dst: client}, Payload: []byte(payload), Length: len(payload)}
	}
	refusal := func(p lab.Packet) lab.Packet {
		return lab.Packet{Kind: lab.PortUnreachable, Outgoing: true, Inner: p.Flow, Frame: append([]byte("headers"), p.Payload...)}
	}
	stray, another := answer(own, "ECHO: x"), answer(own, "ECHO: xx")
	incoming := refusal(stray)
	incoming.Outgoing = false
	elsewhere := stray
	elsewhere.Dst = netip.AddrPortFrom(client.Addr(), client.Port()+1)
	first := answer(vip, "ECHO: x")
	first.Payload = first.Payload[:6]
	unheard := lab.Packet{Kind: lab.PortUnreachable, Inner: lab.Flow{Src: client, Dst: vip}}

	for name, test := range map[string]struct {
		packets []lab.Packet
		shown   bool
		source  netip.AddrPort
	}{
		"right answer":             {[]lab.Packet{answer(vip, "ECHO: x")}, true, vip},
		"first fragment of it":     {[]lab.Packet{first}, true, vip},
		"wrong answer":             {[]lab.Packet{answer(vip, "x"), answer(vip, "ECHO: xx")}, false, netip.AddrPort{}},
		"stray":                    {[]lab.Packet{stray}, false, own},
		"refused stray":            {[]lab.Packet{stray, refusal(stray)}, true, own},
		"other stray refused":      {[]lab.Packet{stray, another, refusal(another)}, false, own},
		"refusal of no answer":     {[]lab.Packet{refusal(stray)}, false, netip.AddrPort{}},
		"refusal by another host":  {[]lab.Packet{stray, incoming}, false, own},
		"to another port":          {[]lab.Packet{elsewhere, refusal(elsewhere)}, false, netip.AddrPort{}},
		"right answer after stray": {[]lab.Packet{stray, answer(vip, "ECHO: x")}, true, vip},
		"nobody listens":           {[]lab.Packet{unheard}, true, netip.AddrPort{}},
	} {
		r := &Request{From: client, To: vip, Payload: []byte("x")}
		shown := false
		for _, p := range test.packets {
			shown = r.see(p)
		}
		require.Equal(t, test.shown, shown, name)
		require.Equal(t, test.source, r.source, name)
	}

	reporting := &Request{From: client, Payload: []byte("x"), Reports: true}
	require.True(t, reporting.IsAnswer(answer(vip, string(echo.Report([]byte("x"), vip, client)))))
	require.False(t, reporting.IsAnswer(answer(vip, "ECHO: x")))
	local, remote, err := echo.Saw(echo.Report([]byte("x"), vip, client))
	require.NoError(t, err)
	require.Equal(t, []netip.AddrPort{vip, client}, []netip.AddrPort{local, remote})
	_, _, err = echo.Saw([]byte("ECHO: x"))
	require.Error(t, err)
}
