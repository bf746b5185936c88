//go:build linux

package main

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// listenAndDial returns a server's socket and a request with a connected one.
func listenAndDial(t *testing.T) (*net.UDPConn, *request) {
	t.Helper()
	labtest.Need(t)
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	c, err := net.DialUDP("udp", nil, server.LocalAddr().(*net.UDPAddr))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return server, &request{answer: []byte("ECHO: x"), conn: c, to: c.RemoteAddr().(*net.UDPAddr).AddrPort()}
}

func send(t *testing.T, server *net.UDPConn, q *request, payload string) {
	t.Helper()
	_, err := server.WriteTo([]byte(payload), q.conn.LocalAddr())
	require.NoError(t, err)
}

// Whether the socket has an answer is found out by looking, also when there is
// no time left.
func TestReceive(t *testing.T) {
	server, q := listenAndDial(t)
	receives := func(wait time.Duration) bool {
		ok, err := q.receive(wait)
		require.NoError(t, err)
		return ok
	}
	require.False(t, receives(0))
	send(t, server, q, "ECHO: y")
	require.False(t, receives(0), "a wrong answer")
	send(t, server, q, "ECHO: y")
	send(t, server, q, "ECHO: x")
	require.True(t, receives(0), "the right one, behind another")
	send(t, server, q, "ECHO: x")
	require.True(t, receives(5*time.Second))
	start := time.Now()
	require.False(t, receives(10*time.Millisecond))
	require.GreaterOrEqual(t, time.Since(start), 10*time.Millisecond, "did not wait")
	send(t, server, q, "ECHO: x")
	require.True(t, receives(0), "after a deadline that has passed")
}

// That nobody listens is no answer, and not the end.
func TestReceiveRefused(t *testing.T) {
	server, q := listenAndDial(t)
	require.NoError(t, server.Close())
	_, err := q.conn.Write([]byte("x"))
	require.NoError(t, err)
	for range 2 {
		ok, err := q.receive(0)
		require.NoError(t, err)
		require.False(t, ok)
	}
}

// What a socket has got is accepted, whatever was seen on the wire.
func TestSettle(t *testing.T) {
	server, q := listenAndDial(t)
	settle := func() outcome {
		require.NoError(t, q.settle(10*time.Second))
		return q.outcome
	}
	require.Equal(t, timedOut, settle())
	send(t, server, q, "ECHO: x")
	require.Equal(t, accepted, settle(), "not seen, and yet there")

	q.answered, q.refused = netip.MustParseAddrPort("127.0.0.1:1"), true
	require.Equal(t, rejected, settle())
	send(t, server, q, "ECHO: x")
	require.Equal(t, accepted, settle(), "seen refused, and yet there")

	q.answered, q.refused = q.to, false
	settled := make(chan outcome, 1)
	go func() {
		if q.settle(10*time.Second) == nil {
			settled <- q.outcome
		}
		close(settled)
	}()
	send(t, server, q, "ECHO: x") // seen, and perhaps not yet there
	require.Equal(t, accepted, <-settled)
}

// The wire has told what there is of a request when the answer came from the
// right address, or the client's kernel refused one from another: this answer,
// and not that to another request from the same port.
func TestSee(t *testing.T) {
	var (
		client = netip.MustParseAddrPort("203.0.113.2:40695")
		vip    = netip.MustParseAddrPort("198.51.100.2:60002")
		own    = netip.MustParseAddrPort("198.51.100.3:60002")
	)
	answer := func(from netip.AddrPort, payload string) lab.Packet {
		return lab.Packet{Kind: lab.UDP, Flow: lab.Flow{Src: from, Dst: client}, Payload: []byte(payload)}
	}
	refusal := func(p lab.Packet) lab.Packet {
		return lab.Packet{Kind: lab.PortUnreachable, Outgoing: true, Inner: p.Flow, Frame: append([]byte("headers"), p.Payload...)}
	}
	stray, another := answer(own, "ECHO: x"), answer(own, "ECHO: y")
	incoming := refusal(stray)
	incoming.Outgoing = false
	elsewhere := stray
	elsewhere.Dst = netip.AddrPortFrom(client.Addr(), client.Port()+1)

	for name, test := range map[string]struct {
		packets  []lab.Packet
		told     bool
		answered netip.AddrPort
		refused  bool
	}{
		"right answer":            {[]lab.Packet{answer(vip, "ECHO: x")}, true, vip, false},
		"wrong answer":            {[]lab.Packet{answer(vip, "x")}, false, netip.AddrPort{}, false},
		"stray":                   {[]lab.Packet{stray}, false, own, false},
		"refused stray":           {[]lab.Packet{stray, refusal(stray)}, true, own, true},
		"other stray refused":     {[]lab.Packet{stray, another, refusal(another)}, false, own, false},
		"refusal of no answer":    {[]lab.Packet{refusal(stray)}, false, netip.AddrPort{}, false},
		"refusal by someone else": {[]lab.Packet{stray, incoming}, false, own, false},
		"to another port":         {[]lab.Packet{elsewhere, refusal(elsewhere)}, false, netip.AddrPort{}, false},
		"right after stray":       {[]lab.Packet{stray, answer(vip, "ECHO: x")}, true, vip, false},
	} {
		q := &request{from: client, to: vip, payload: []byte("x"), answer: []byte("ECHO: x")}
		told := false
		for _, p := range test.packets {
			told = q.see(p)
		}
		require.Equal(t, test.told, told, name)
		require.Equal(t, test.answered, q.answered, name)
		require.Equal(t, test.refused, q.refused, name)
	}
}
