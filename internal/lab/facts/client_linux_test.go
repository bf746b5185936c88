package facts_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// patience bounds every wait for an event: it is reached only when a test fails.
const patience = 10 * time.Second

// bounded bounds all that is done with a socket, and closes it with the test.
func bounded[C net.PacketConn](t *testing.T, c C) C {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

// dial returns a connected socket of h: only such a one rejects an answer from another
// address than it wrote to.
func dial(t *testing.T, h *lab.Host, local, remote netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := h.DialUDP("udp", local, remote)
	require.NoError(t, err)
	return bounded(t, c)
}

// dial returns a client of a VIP.
func (s *site) dial(t *testing.T, vip netip.Addr) *net.UDPConn {
	t.Helper()
	return dial(t, s.client, netip.AddrPort{}, server(vip))
}

// dialFrom is dial from an address of the client.
func (s *site) dialFrom(t *testing.T, local, vip netip.Addr) *net.UDPConn {
	t.Helper()
	return dial(t, s.client, netip.AddrPortFrom(local, 0), server(vip))
}

// dialAll returns a client for each VIP.
func (s *site) dialAll(t *testing.T, vips ...netip.Addr) (cs []*net.UDPConn) {
	t.Helper()
	for _, v := range vips {
		cs = append(cs, s.dial(t, v))
	}
	return cs
}

// dialOnePort returns a client for each VIP, all of one port.
func (s *site) dialOnePort(t *testing.T, vips ...netip.Addr) (cs []*net.UDPConn) {
	t.Helper()
	d := net.Dialer{Control: control(on(unix.SOL_SOCKET, unix.SO_REUSEADDR))}
	for _, v := range vips {
		require.NoError(t, s.client.Do(func() error {
			c, err := d.Dial("udp", server(v).String())
			if err == nil {
				cs = append(cs, bounded(t, c.(*net.UDPConn)))
				d.LocalAddr = c.LocalAddr()
			}
			return err
		}))
	}
	return cs
}

// listenUDP returns an unconnected socket of h, of package net, at an address. Its
// port is any.
func listenUDP(t *testing.T, h *lab.Host, a netip.Addr) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	require.NoError(t, h.Do(func() (err error) {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
		return err
	}))
	return bounded(t, c)
}

// sink returns an address and port of the client where datagrams are neither read
// nor rejected: those sent there are only to be captured.
func (s *site) sink(t *testing.T, a netip.Addr) netip.AddrPort {
	t.Helper()
	return addrPort(listenUDP(t, s.client, a).LocalAddr())
}

// server is the address of a server at a.
func server(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, lab.Port) }

// addrPort returns a socket's address as a capture has it.
func addrPort(a net.Addr) netip.AddrPort {
	ap := a.(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

var count atomic.Int64

// unique returns a payload like no other.
func unique(what string) string { return fmt.Sprintf("%s %d", what, count.Add(1)) }

// ask sends a request like no other and returns it.
func (s *site) ask(t *testing.T, client *net.UDPConn) string {
	t.Helper()
	request := unique("request to " + client.RemoteAddr().String())
	_, err := client.Write([]byte(request))
	require.NoError(t, err)
	return request
}

// read returns the next datagram that a client accepts.
func read(t *testing.T, client *net.UDPConn) string {
	t.Helper()
	b := make([]byte, 1<<16)
	n, err := client.Read(b)
	require.NoError(t, err, "the client accepts no answer, and rejects those that come from another address than it wrote to")
	return string(b[:n])
}

// requireAccepted requires that the next datagram the client accepts is answer.
// An answer to it that was sent before has thereby been rejected or lost: one
// client's datagrams do not overtake each other in the lab.
func requireAccepted(t *testing.T, client *net.UDPConn, answer string) {
	t.Helper()
	require.Equal(t, answer, read(t, client))
}

// requireRejected requires that answer came to the client's host from the address src,
// and that its kernel found no socket that takes it.
func (s *site) requireRejected(t *testing.T, client *net.UDPConn, answer string, src netip.Addr) {
	t.Helper()
	stray := waitFor(t, s.arrivals, func(p lab.Packet) bool { return !p.Outgoing && string(p.Payload) == answer })
	require.Equal(t, lab.Flow{Src: server(src), Dst: addrPort(client.LocalAddr())}, stray.Flow)
	waitFor(t, s.arrivals, func(p lab.Packet) bool {
		return p.Outgoing && p.Kind == lab.PortUnreachable && p.Inner == stray.Flow
	})
}

// waitFor waits for a packet.
func waitFor(t *testing.T, c *lab.Capture, match func(lab.Packet) bool) lab.Packet {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := c.WaitFor(ctx, match)
	if err != nil {
		var seen strings.Builder
		for _, p := range c.Packets() {
			fmt.Fprintln(&seen, p)
		}
		require.NoError(t, err, "captured:\n%s", seen.String())
	}
	return p
}

// waitSent waits until a capture has a datagram that the host sent.
func waitSent(t *testing.T, c *lab.Capture, payload string) lab.Packet {
	t.Helper()
	return waitFor(t, c, func(p lab.Packet) bool { return p.Outgoing && string(p.Payload) == payload })
}

// requireSentFrom requires that the payload left, and from src.
func (s *site) requireSentFrom(t *testing.T, payload string, src netip.Addr) {
	t.Helper()
	require.Equal(t, src, waitSent(t, s.wire, payload).Src.Addr())
}

// requireNotSent requires that the server sent none of the payloads. They were sent,
// if at all, before it was called, and a cable keeps the order: so it sends one more
// datagram, and looks at all that came before.
func (s *site) requireNotSent(t *testing.T, payloads ...string) {
	t.Helper()
	last := unique("marker")
	_, err := s.marker.Write([]byte(last))
	require.NoError(t, err)
	waitSent(t, s.wire, last)
	for _, p := range s.wire.Packets() {
		if p.Outgoing {
			require.NotContains(t, payloads, string(p.Payload), "%v", p)
		}
	}
}

// soon waits for something that the kernel or another goroutine does in its own time,
// and that is not to be had by waiting for an event.
func soon(t *testing.T, what string, happened func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-deadline:
			require.Fail(t, "never: "+what)
		}
	}
}

// await returns what comes from a channel.
func await[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		require.Fail(t, "it never came")
	}
	return v
}

// requireErrno requires that err is one of the errnos, which differ between kernels.
func requireErrno(t *testing.T, err error, errnos ...error) {
	t.Helper()
	for _, errno := range errnos {
		if errors.Is(err, errno) {
			return
		}
	}
	require.Failf(t, "wrong error", "%v is none of %v", err, errnos)
}
