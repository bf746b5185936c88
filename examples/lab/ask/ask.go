//go:build linux

// Package ask sends datagrams from connected sockets in a lab, and finds out what
// becomes of each by the socket and by a capture of the client's wire.
package ask

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// FirstPort is the client's port in Google's document.
const FirstPort = 40695

// An Outcome is what became of a request.
type Outcome string

const (
	Accepted   Outcome = "accepted"   // the connected socket read the right answer
	Rejected   Outcome = "rejected"   // the client's kernel refused an answer from another address
	Dropped    Outcome = "dropped"    // an answer from another address did not reach the socket
	Refused    Outcome = "refused"    // no socket listens: the client got ECONNREFUSED
	Unanswered Outcome = "unanswered" // the request reached the server's host, and no answer left it
	Astray     Outcome = "astray"     // an answer left the server's host, and did not arrive
	Lost       Outcome = "lost"       // nothing was seen within the bound
)

// A Request is one datagram from a connected socket.
type Request struct {
	Host    *lab.Host
	Wire    *lab.Capture   // of the interface on which the answer arrives
	From    netip.AddrPort // if it is invalid or its port 0, the kernel chooses
	To      netip.AddrPort
	Payload []byte
	Reports bool         // the answer ends with what the program knows of the request
	Send    func() error // if the request is not just written to the socket

	Outcome Outcome
	Stray   netip.AddrPort // source of an answer that was Rejected or Dropped
	LeftBy  string         // interface by which an Astray answer left

	conn     *net.UDPConn
	source   netip.AddrPort // of the last answer on the client's wire
	objected bool           // the client's kernel refused that answer
	refused  bool           // the client got ECONNREFUSED
	settled  bool           // the wire has shown all there is
}

// All sends all requests before it reads an answer, and sets the outcome of each.
// It waits no longer than the bound for requests of which the wire shows nothing.
func All(ctx context.Context, bound time.Duration, rs ...*Request) error {
	defer func() {
		for _, r := range rs {
			if r.conn != nil {
				r.conn.Close()
			}
		}
	}()
	byWire := make(map[*lab.Capture][]*Request)
	for _, r := range rs {
		if err := r.dial(ctx); err != nil {
			return err
		}
		byWire[r.Wire] = append(byWire[r.Wire], r)
	}
	for _, r := range rs {
		if err := r.send(); err != nil {
			return err
		}
	}
	watching, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	for wire, group := range byWire { // one after the other: captures keep a record
		if err := watch(watching, wire, group); err != nil {
			return err
		}
	}
	for _, r := range rs {
		if err := r.settle(bound); err != nil {
			return err
		}
	}
	return nil
}

// dial connects the request's socket. Sockets that ask several addresses share a
// port, which SO_REUSEADDR allows; once connected, each takes its own answers.
func (r *Request) dial(ctx context.Context) error {
	c, err := Dial(ctx, r.Host, "udp", r.From, r.To, syscall.SO_REUSEADDR)
	if err == nil {
		r.conn, r.From = c, c.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	return err
}

// Dial connects a socket on a host, with options of SOL_SOCKET switched on.
func Dial(ctx context.Context, h *lab.Host, network string, from, to netip.AddrPort, options ...int) (c *net.UDPConn, err error) {
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		e := raw.Control(func(fd uintptr) {
			for _, o := range options {
				err = errors.Join(err, syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, o, 1))
			}
		})
		return errors.Join(e, err)
	}}
	if from.IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(from)
	}
	err = h.Do(func() error {
		conn, err := d.DialContext(ctx, network, to.String())
		if err == nil {
			c = conn.(*net.UDPConn)
		}
		return err
	})
	return c, err
}

func (r *Request) send() error {
	if r.Send != nil {
		return r.Send()
	}
	_, err := r.conn.Write(r.Payload)
	return err
}

// watch follows the client's wire until it has shown what becomes of every request,
// or until ctx ends.
func watch(ctx context.Context, wire *lab.Capture, rs []*Request) error {
	byPort := make(map[netip.AddrPort][]*Request)
	for _, r := range rs {
		byPort[r.From] = append(byPort[r.From], r)
	}
	left := len(rs)
	_, err := wire.WaitFor(ctx, func(p lab.Packet) bool {
		for _, at := range []netip.AddrPort{p.Dst, p.Inner.Dst, p.Inner.Src} {
			for _, r := range byPort[at] {
				if !r.settled && r.see(p) {
					r.settled = true
					left--
				}
			}
		}
		return left == 0
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// see looks at a packet on the client's wire, and returns whether the wire has now
// shown all there is of the request: an answer from the right address, the refusal
// of one from another, or that nobody listens.
func (r *Request) see(p lab.Packet) bool {
	switch {
	case r.IsAnswer(p):
		r.source = p.Src
		return p.Src == r.To
	case r.IsObjection(p) && p.Inner.Src == r.source:
		r.objected = true
		return true
	case p.Kind == lab.PortUnreachable && !p.Outgoing && p.Inner == lab.Flow{Src: r.From, Dst: r.To}:
		r.refused = true
		return true
	}
	return false
}

// settle decides what became of the request. What the socket has read is accepted,
// whatever the wire has shown.
func (r *Request) settle(bound time.Duration) error {
	wait := time.Duration(0)
	if r.source == r.To || r.refused {
		wait = bound // the wire comes before the socket: it may not be there yet
	}
	found, refused, err := r.receive(wait)
	switch {
	case found:
		r.Outcome = Accepted
	case refused:
		r.Outcome = Refused
	case r.objected:
		r.Outcome, r.Stray = Rejected, r.source
	case r.source.IsValid() && r.source != r.To:
		r.Outcome, r.Stray = Dropped, r.source
	default:
		r.Outcome = Lost
	}
	return err
}

// receive returns whether the socket gets the right answer or ECONNREFUSED within
// the time given or, if that is 0, has one of them already. Read of package net
// cannot do the latter: with a deadline that has passed it fails, whatever there is
// to read.
func (r *Request) receive(wait time.Duration) (found, refused bool, err error) {
	deadline := time.Time{}
	if wait > 0 {
		deadline = time.Now().Add(wait)
	}
	if err := r.conn.SetReadDeadline(deadline); err != nil {
		return false, false, err
	}
	raw, err := r.conn.SyscallConn()
	if err != nil {
		return false, false, err
	}
	b := make([]byte, 1<<16)
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for !found && !refused && failed == nil {
			n, _, err := syscall.Recvfrom(int(fd), b, syscall.MSG_DONTWAIT)
			switch err {
			case nil:
				found = r.answers(b[:n], n)
			case syscall.EAGAIN:
				return wait == 0
			case syscall.ECONNREFUSED:
				refused = true
			case syscall.EINTR:
			default:
				failed = err
			}
		}
		return true
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return found, refused, errors.Join(err, failed)
}

// expected returns what the answer begins with, or all of it if the program does
// not report.
func (r *Request) expected() []byte {
	if r.Reports {
		return append(echo.Reply(r.Payload), echo.Reported...)
	}
	return echo.Reply(r.Payload)
}

// answers returns whether b, the first part or all of a payload of n bytes, is of
// the answer to the request.
func (r *Request) answers(b []byte, n int) bool {
	want := r.expected()
	if r.Reports {
		return bytes.HasPrefix(b, want)
	}
	return n == len(want) && len(b) > 0 && bytes.HasPrefix(want, b)
}

// IsRequest returns whether p is the request or its first fragment, on whichever
// wire.
func (r *Request) IsRequest(p lab.Packet) bool {
	return p.Kind == lab.UDP && p.Src == r.From && p.Length == len(r.Payload) && bytes.HasPrefix(r.Payload, p.Payload)
}

// IsAnswer returns whether p is the answer to the request or its first fragment, on
// whichever wire and from whatever address.
func (r *Request) IsAnswer(p lab.Packet) bool {
	return p.Kind == lab.UDP && p.Dst == r.From && r.answers(p.Payload, p.Length)
}

// quoted is how many bytes of an answer an ICMP message quotes at least.
const quoted = 400

// IsObjection returns whether p, on the client's wire, is the message of its kernel
// that no socket takes an answer to the request.
func (r *Request) IsObjection(p lab.Packet) bool {
	if p.Kind != lab.PortUnreachable || !p.Outgoing || p.Inner.Dst != r.From {
		return false
	}
	want := r.expected()
	if r.Reports || len(want) > quoted {
		return bytes.Contains(p.Frame, want[:min(len(want), quoted)])
	}
	return bytes.HasSuffix(p.Frame, want) // one payload may begin as another does
}

// Trace looks for requests that are Lost in what captures at the server's host,
// by interface, have seen: Unanswered if one was received there, Astray if its
// answer left.
func Trace(rs []*Request, device string, packets []lab.Packet) {
	for _, r := range rs {
		for _, p := range packets {
			switch {
			case r.Outcome != Lost && r.Outcome != Unanswered:
			case p.Outgoing && r.IsAnswer(p):
				r.Outcome, r.LeftBy = Astray, device
			case !p.Outgoing && r.IsRequest(p):
				r.Outcome = Unanswered
			}
		}
	}
}
