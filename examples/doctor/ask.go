//go:build linux

package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// dnsQuery asks for the name servers of the root (RFC 1035, section 4.1). A name server
// answers it, if only that it refuses to.
const dnsQuery = "d0c001000001000000000000" + "00" + "00020001"

// parseAsk returns the datagram for -ask.
func parseAsk(s string) ([]byte, error) {
	if s == "dns" {
		s = dnsQuery
	}
	data, err := hex.DecodeString(s)
	if err != nil || len(data) == 0 {
		return nil, fmt.Errorf("%q is neither a datagram in hex nor dns", s)
	}
	return data, nil
}

// An Answer is what came back from the server on the host, which is not this program's.
type Answer struct {
	To, From netip.AddrPort // From is invalid if nothing came
	Err      error          // of asking
}

// ask sends the datagram until something comes back, four times at most. What the client's
// connected socket rejects goes to a second one on the same port.
func ask(clients *namespace, to netip.AddrPort, data []byte) Answer {
	a := Answer{To: to}
	var connected *net.UDPConn
	var other net.PacketConn
	if a.Err = clients.do(func() (err error) {
		connected, other, err = dial(clients, to)
		return err
	}); a.Err != nil {
		return a
	}
	defer connected.Close()
	defer other.Close()
	answers := make(chan netip.AddrPort, 1) // the first one counts
	for _, c := range []net.PacketConn{connected, other} {
		go receive(c, func([]byte) bool { return true }, func(from net.Addr) {
			select {
			case answers <- netip.MustParseAddrPort(from.String()):
			default:
			}
		})
	}
	const times = 4
	for range times {
		if _, err := connected.Write(data); err != nil && !errors.Is(err, unix.ECONNREFUSED) {
			a.Err = fmt.Errorf("client: %w", err)
			return a
		}
		select {
		case a.From = <-answers:
			return a
		case <-time.After(patience / times):
		}
	}
	return a
}

// checkAnswers says from where the server answers.
func checkAnswers(h *Host) (fs []Finding) {
	for _, a := range h.Answers {
		f := Finding{ID: "ask", Seen: fmt.Sprintf("Your server answers from %v, which a client %s asked.", a.To, h.over(a.To.Addr()))}
		switch {
		case a.Err != nil || !a.From.IsValid():
			f.ID, f.Severity = "ask-silent", Warn
			f.Seen = fmt.Sprintf("Nothing came back from your server at %v in %v.", a.To, patience)
			if a.Err != nil {
				f.Seen = fmt.Sprintf("Your server could not be asked at %v: %v.", a.To, a.Err)
			}
			f.Means = "It did not get what was sent, or does not answer it, or its answer was dropped."
			f.Do = "see what else is wrong; if nothing is, give -ask a datagram that the server answers."
		case a.From != a.To:
			f.ID, f.Severity = "ask-source", Bad
			f.Seen = fmt.Sprintf("A client %s asked your server at %v, and rejects its answer, which came from %v.", h.over(a.To.Addr()), a.To, a.From)
			f.Means = "Clients whose sockets are connected, and those behind NAT or a firewall, get no answer of your server."
			f.Do = fmt.Sprintf("change the line that listens:\n\tconn, err := dsrudp.ListenUDP(\"udp\", &net.UDPAddr{Port: %d}) // was net.ListenUDP", h.Port)
			if a.From.Addr() == a.To.Addr() {
				f.Do = "have the server answer by the socket that the request came to."
			}
		}
		fs = append(fs, f)
	}
	return fs
}
