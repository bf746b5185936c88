package facts_test

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// A duo is a server and a client at the two ends of one cable, for what a
// balancer in between would only hide. The VIPs of its site are IPv6 ones; each
// is local to the server by a route alone.
type duo struct {
	*site

	// wire is what crosses the server's end of the cable.
	wire *lab.Capture

	// fence is a socket of the server, of package net, connected to the client.
	fence *net.UDPConn
}

const duoDev = "eth0" // at either end

var (
	duoNet4     = netip.MustParsePrefix("192.0.2.0/24")
	duoNet6     = netip.MustParsePrefix("2001:db8:1::/64")
	duoServer4  = netip.MustParseAddr("192.0.2.1")
	duoClient4  = netip.MustParseAddr("192.0.2.2")
	duoClient4B = netip.MustParseAddr("192.0.2.3")
	duoServer6  = netip.MustParseAddr("2001:db8:1::1")
	duoClient6  = netip.MustParseAddr("2001:db8:1::2")
	duoClient6B = netip.MustParseAddr("2001:db8:1::3")

	duoVIPs4 = []netip.Addr{netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")}
	duoVIPs6 = []netip.Addr{netip.MustParseAddr("2001:db8:51::1"), netip.MustParseAddr("2001:db8:51::2")}

	// A range of VIPs by one route, and two addresses in it.
	duoRange     = netip.MustParsePrefix("2001:db8:96::/96")
	duoRangeVIPs = []netip.Addr{netip.MustParseAddr("2001:db8:96::1"), netip.MustParseAddr("2001:db8:96::dead:beef")}

	duoAny4 = netip.MustParsePrefix("0.0.0.0/0")
	duoAny6 = netip.MustParsePrefix("::/0")
)

func newDuo(t *testing.T) *duo {
	t.Helper()
	client, server := labtest.NewHost(t, "client"), labtest.NewHost(t, "server")
	require.NoError(t, lab.Connect(client, duoDev, server, duoDev))
	for _, p := range []struct {
		h     *lab.Host
		addrs []netip.Addr
	}{
		{server, []netip.Addr{duoServer4, duoServer6}},
		{client, []netip.Addr{duoClient4, duoClient4B, duoClient6, duoClient6B}},
	} {
		for _, a := range p.addrs {
			bits := duoNet4.Bits()
			if a.Is6() {
				bits = duoNet6.Bits()
			}
			require.NoError(t, p.h.AddAddr(duoDev, netip.PrefixFrom(a, bits)))
		}
	}
	// Nobody has to be asked for, so that no datagram waits for an answer.
	duoIntroduce(t, client, duoDev, server, duoDev, duoServer4, duoServer6)
	duoIntroduce(t, server, duoDev, client, duoDev, duoClient4, duoClient4B, duoClient6, duoClient6B)
	// To the client the whole world is behind the server.
	require.NoError(t, client.AddRoute(duoAny4, duoServer4, duoDev))
	require.NoError(t, client.AddRoute(duoAny6, duoServer6, duoDev))
	for _, p := range duoVIPRoutes() {
		require.NoError(t, server.AddLocalRoute(p, duoDev))
	}

	d := &duo{
		site: &site{
			client: client, server: server,
			vips:     append(duoVIPs6[:2:2], duoRangeVIPs...),
			own:      duoServer6,
			arrivals: labtest.Capture(t, client, duoDev),
		},
		wire: labtest.Capture(t, server, duoDev),
	}
	d.fence = duoDial(t, server, netip.AddrPort{}, d.unheard(t))
	return d
}

// duoVIPRoutes are the destinations of the routes that make VIPs local.
func duoVIPRoutes() []netip.Prefix {
	ps := []netip.Prefix{duoRange}
	for _, a := range append(duoVIPs4[:2:2], duoVIPs6...) {
		ps = append(ps, netip.PrefixFrom(a, a.BitLen()))
	}
	return ps
}

// duoIntroduce enters the Ethernet address that b has on devB at a.
func duoIntroduce(t *testing.T, a *lab.Host, devA string, b *lab.Host, devB string, addrs ...netip.Addr) {
	t.Helper()
	l, err := b.Link(devB)
	require.NoError(t, err)
	for _, addr := range addrs {
		require.NoError(t, a.AddNeighbor(devA, addr, l.Attrs().HardwareAddr))
	}
}

// dialFrom is dial from an address of the client.
func (d *duo) dialFrom(t *testing.T, local, vip netip.Addr) *net.UDPConn {
	t.Helper()
	return duoDial(t, d.client, netip.AddrPortFrom(local, 0), netip.AddrPortFrom(vip, lab.Port))
}

// duoDial returns a connected socket of h.
func duoDial(t *testing.T, h *lab.Host, local, remote netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := h.DialUDP("udp", local, remote)
	require.NoError(t, err)
	return siteConn(t, c)
}

// unheard returns an address and port of the client where datagrams are neither
// read nor rejected: those sent there are only to be captured.
func (d *duo) unheard(t *testing.T) netip.AddrPort {
	t.Helper()
	var c *net.UDPConn
	require.NoError(t, d.client.Do(func() (err error) {
		c, err = net.ListenUDP("udp6", net.UDPAddrFromAddrPort(netip.AddrPortFrom(duoClient6, 0)))
		return err
	}))
	return siteAddr(siteConn(t, c).LocalAddr())
}

var duoPayloads atomic.Int64

// duoPayload returns a payload like no other.
func duoPayload(what string) string { return fmt.Sprintf("%s %d", what, duoPayloads.Add(1)) }

// requireSilence requires that none of the payloads crossed the cable. They
// were sent, if at all, before it was called, and the cable keeps the order: so
// it sends one more datagram, and looks at all that came before.
func (d *duo) requireSilence(t *testing.T, payloads ...string) {
	t.Helper()
	last := duoPayload("fence")
	_, err := d.fence.Write([]byte(last))
	require.NoError(t, err)
	siteSent(t, d.wire, last)
	for _, p := range d.wire.Packets() {
		require.NotContains(t, payloads, string(p.Payload), "%v", p)
	}
}

// requireSentFrom requires that the payload left, and from src.
func (d *duo) requireSentFrom(t *testing.T, payload string, src netip.Addr) {
	t.Helper()
	duoSentFrom(t, d.wire, payload, src)
}

// duoSentFrom is requireSentFrom for another cable.
func duoSentFrom(t *testing.T, wire *lab.Capture, payload string, src netip.Addr) {
	t.Helper()
	require.Equal(t, src, siteSent(t, wire, payload).Src.Addr())
}

// duoSoon waits for something that follows from a notification of the kernel's,
// and is therefore not to be had by waiting for an event of one's own.
func duoSoon(t *testing.T, what string, happened func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(time.Millisecond), time.After(sitePatience)
	defer tick.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-deadline:
			require.Fail(t, "never: "+what)
		}
	}
}
