//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A Live is what became of a request to a VIP that a server of this program answered.
type Live struct {
	VIP      netip.Addr
	Library  string     // net or dsrudp, on the wildcard
	Arrived  bool       // the server got it
	Accepted bool       // the client, whose socket is connected to the VIP, got the answer
	From     netip.Addr // where an answer came from that it did not get
	Err      error      // of listening, asking or answering
}

// libraries differ in one call.
var libraries = []struct {
	name   string
	listen func(*net.UDPAddr) (net.PacketConn, error)
}{
	{"net", func(a *net.UDPAddr) (net.PacketConn, error) { return net.ListenUDP("udp", a) }},
	{"dsrudp", func(a *net.UDPAddr) (net.PacketConn, error) { return dsrudp.ListenUDP("udp", a) }},
}

// tryClients has clients ask by each VIP, from a namespace where that is allowed.
func (h *Host) tryClients() {
	if !h.TryLive && h.Ask == nil || len(h.VIPs) == 0 {
		return
	}
	clients, err := newNamespace()
	if h.LiveErr = err; err != nil {
		clients = loopback
	}
	defer clients.close()
	for _, vip := range h.VIPs {
		where := clients
		if vip.IsLoopback() { // which is not reached from elsewhere
			where = loopback
		}
		if h.TryLive {
			h.tryLive(where, vip)
		}
		if h.Ask != nil {
			h.Answers = append(h.Answers, ask(where, netip.AddrPortFrom(vip, h.Port), h.Ask))
		}
	}
}

// tryLive asks servers of both libraries. They have the port, if nobody else has it.
func (h *Host) tryLive(clients *namespace, vip netip.Addr) {
	at := &net.UDPAddr{Port: int(h.Port)}
	if len(h.Sockets) > 0 {
		at.Port = 0
	}
	h.LivePort = at.Port != 0
	arrived := true // what does not reach one server does not reach the other
	for _, l := range libraries {
		live := Live{VIP: vip, Library: l.name}
		if arrived {
			server, err := l.listen(at)
			if live.Err = err; err == nil {
				live.try(clients, server)
				arrived = live.Arrived || live.Err != nil
			}
		}
		h.Live = append(h.Live, live)
	}
}

const (
	patience = 2 * time.Second       // for an answer that does not come
	again    = 50 * time.Millisecond // a request may be lost
	requests = 2 * int(patience/again)
)

// try has a client ask, and closes the server. What the client's socket rejects, as it is
// from another address, goes to a second one on the same port.
func (l *Live) try(clients *namespace, server net.PacketConn) {
	// The port is open to others: only what is ours is answered.
	request := fmt.Sprintf("dsrudp doctor %v %d", l.VIP, time.Now().UnixNano())
	arrivals := make(chan error, requests)
	ours := func(b []byte) bool { return string(b) == request }
	go receive(server, ours, func(from net.Addr) {
		_, err := server.WriteTo([]byte(request), from)
		arrivals <- err
	})
	defer server.Close()

	port := netip.MustParseAddrPort(server.LocalAddr().String()).Port()
	var connected *net.UDPConn
	var other net.PacketConn
	if l.Err = clients.do(func() (err error) {
		connected, other, err = dial(clients, netip.AddrPortFrom(l.VIP, port))
		return err
	}); l.Err != nil {
		return
	}
	defer connected.Close()
	defer other.Close()
	answers := make(chan netip.Addr, requests)
	for _, c := range []net.PacketConn{connected, other} {
		go receive(c, ours, func(from net.Addr) { answers <- netip.MustParseAddrPort(from.String()).Addr() })
	}
	deadline, next := time.After(patience), time.NewTicker(again)
	defer next.Stop()
	for wait := true; wait; {
		if _, err := connected.Write([]byte(request)); err != nil && !errors.Is(err, unix.ECONNREFUSED) {
			l.Err = fmt.Errorf("client: %w", err)
			return
		}
		select {
		case l.From = <-answers:
			l.Arrived, l.Accepted, wait = true, l.From == l.VIP, false
		case l.Err = <-arrivals:
			l.Arrived, wait = true, l.Err == nil
		case <-deadline:
			wait = false
		case <-next.C:
		}
	}
}

// receive calls f for each datagram that is wanted, until c is closed.
func receive(c net.PacketConn, want func([]byte) bool, f func(from net.Addr)) {
	buf := make([]byte, 200)
	for {
		n, from, err := c.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && want(buf[:n]) {
			f(from)
		}
	}
}

// dial returns a socket that is connected, and one that is not, on one port.
func dial(clients *namespace, to netip.AddrPort) (*net.UDPConn, net.PacketConn, error) {
	share := func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		})
		return errors.Join(failed, err)
	}
	from := clients.v6
	if to.Addr().Is4() {
		from = clients.v4
	}
	other, err := (&net.ListenConfig{Control: share}).ListenPacket(context.Background(), "udp", netip.AddrPortFrom(from, 0).String())
	if err != nil {
		return nil, nil, fmt.Errorf("client: %w", err)
	}
	connected, err := (&net.Dialer{Control: share, LocalAddr: other.LocalAddr()}).Dial("udp", to.String())
	if err != nil {
		other.Close()
		return nil, nil, fmt.Errorf("client: %w", err)
	}
	return connected.(*net.UDPConn), other, nil
}

// outcome says what happened to a request whose answer the client did not get.
func (l Live) outcome() string {
	switch {
	case l.Err != nil:
		return l.Err.Error()
	case !l.Arrived:
		return "the request did not reach the server"
	case l.From.IsValid():
		return fmt.Sprintf("its answer comes from %v, which the client rejects", l.From)
	}
	return "its answer did not reach the client"
}

// arrived reports whether requests from outside reached a server by each VIP.
func (h *Host) arrived() bool {
	return h.LiveErr == nil && len(h.Live) > 0 && !slices.ContainsFunc(h.Live, func(l Live) bool { return !l.Arrived || l.VIP.IsLoopback() })
}

// over says where the client of a VIP was.
func (h *Host) over(vip netip.Addr) string {
	if h.LiveErr != nil || vip.IsLoopback() {
		return "over loopback"
	}
	return "from a namespace of its own"
}

// checkLive says what clients got.
func checkLive(h *Host) (fs []Finding) {
	if h.LiveErr != nil {
		fs = append(fs, Finding{
			ID: "live-loopback", Severity: Note,
			Seen:  fmt.Sprintf("What clients asked went over loopback: a network namespace was not to be had (%v).", h.LiveErr),
			Means: "What the packet filter and routes do to clients elsewhere was not tested.",
			Do:    "run this as root for that.",
		})
	}
	for i := 0; i+1 < len(h.Live); i += 2 {
		n, l := h.Live[i], h.Live[i+1]
		f := Finding{ID: "live", Seen: fmt.Sprintf("Asked servers of its own, not yours: a client %s that asks %v ", h.over(l.VIP), l.VIP)}
		if h.Ask == nil {
			f.Means = "How your server answers was not tested: -ask does that."
		}
		switch {
		case l.Accepted && n.Accepted:
			f.Seen += "gets the answers of net and of dsrudp: the kernel would choose this address by itself."
		case l.Accepted:
			f.Seen += "gets the answer of dsrudp, and none of net (" + n.outcome() + ")."
		case !l.Arrived && l.Err == nil && !h.LivePort:
			f.ID, f.Severity = "live-filtered", Warn
			f.Seen += "reaches no server, on another port than the server's."
			f.Means = "The address is not local to this host, or a packet filter drops what is for other ports."
			f.Do = "end the server for a moment and try again with -listen: the test then has its port."
		default:
			f.ID, f.Severity = "live-failed", Bad
			f.Seen += "gets no answer of dsrudp (" + l.outcome() + ")."
			f.Means = "Nor do clients of your server."
			if h.Netlink != nil && l.VIP.Is6() {
				f.Means += " As netlink is denied, the library cannot find out that the address is local."
			}
			f.Do = "see what else is wrong; if nothing is, watch it on the wire:\n\tsudo tcpdump -ni any udp"
		}
		fs = append(fs, f)
	}
	return fs
}
