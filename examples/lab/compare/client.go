//go:build linux

package compare

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A request is one datagram from a connected socket, and what becomes of it.
type request struct {
	host    *lab.Host
	wire    *lab.Capture   // of the host's interface, on which the answer comes
	from    netip.AddrPort // zero fields: the kernel chooses
	to      netip.AddrPort
	payload []byte
	told    bool         // the answer ends with what the program knows
	send    func() error // if it is not just written to the socket

	conn    *net.UDPConn
	outcome outcome
	answer  []byte         // the one that was accepted
	stray   netip.AddrPort // where the one came from that was rejected
	leftBy  string         // the interface by which one went astray
}

// An outcome is what became of a request.
type outcome int

const (
	lost       outcome = iota // nothing came within the bound
	unanswered                // the same, and it is known that no answer left the server's host
	astray                    // the same, and an answer left that host
	accepted                  // the connected socket read the right answer
	rejected                  // the answer came from an address not asked, and the client's kernel refused it
	crossed                   // the answer to another request came in its place
	dropped                   // the answer came from an address not asked, and did not reach the socket
	refused                   // no socket listens: the client was told ECONNREFUSED
)

// timedOut says that the client waited in vain.
func (r *request) timedOut() bool {
	return r.outcome == lost || r.outcome == unanswered || r.outcome == astray || r.outcome == dropped || r.outcome == crossed
}

// Most of a rejected datagram that the client's kernel quotes in its objection.
const quoted = 400

// ask sends all requests before it reads an answer, and finds out what becomes
// of each. It waits no longer than the bound for those that nothing is heard of.
func ask(ctx context.Context, bound time.Duration, rs ...*request) error {
	defer func() {
		for _, r := range rs {
			if r.conn != nil {
				r.conn.Close()
			}
		}
	}()
	for _, r := range rs {
		if err := r.dial(ctx); err != nil {
			return err
		}
	}
	for _, r := range rs {
		send := r.send
		if send == nil {
			send = r.write
		}
		if err := send(); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	var all sync.WaitGroup
	errs := make([]error, len(rs))
	for i, r := range rs {
		all.Go(func() { errs[i] = r.await(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (r *request) write() error {
	_, err := r.conn.Write(r.payload)
	return err
}

// dial connects the request's socket. Sockets that ask several addresses share a
// port, which SO_REUSEADDR allows; each takes the answers of its own.
func (r *request) dial(ctx context.Context) error {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		e := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
		})
		return errors.Join(e, err)
	}}
	if r.from.IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(r.from)
	}
	return r.host.Do(func() error {
		c, err := d.DialContext(ctx, "udp", r.to.String())
		if err == nil {
			r.conn = c.(*net.UDPConn)
			r.from = r.conn.LocalAddr().(*net.UDPAddr).AddrPort()
		}
		return err
	})
}

// await waits for the answer, or for what shows that it will not be accepted.
func (r *request) await(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	var objection lab.Packet
	watcher.Go(func() {
		p, err := r.wire.WaitFor(watching, r.isObjection)
		if err == nil {
			objection = p
		}
		if err == nil || ctx.Err() != nil {
			r.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
		}
	})
	err := r.read()
	stop()
	watcher.Wait()
	switch {
	case r.outcome != lost:
	case objection.Kind == lab.PortUnreachable:
		r.outcome, r.stray = rejected, objection.Inner.Src
	default:
		r.lookFor()
	}
	return err
}

// lookFor looks for the answer on the wire, which the client's kernel may have
// dropped without an objection.
func (r *request) lookFor() {
	for _, p := range r.wire.Packets() {
		if p.Kind == lab.UDP && !p.Outgoing && p.Dst == r.from && bytes.Contains(p.Payload, r.payload) && p.Src != r.to {
			r.outcome, r.stray = dropped, p.Src
		}
	}
}

// read reads until the right answer comes, or the deadline.
func (r *request) read() error {
	b := make([]byte, 1<<16)
	for {
		n, err := r.conn.Read(b)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, syscall.ECONNREFUSED):
			r.outcome = refused
			return nil
		case err != nil:
			return err
		case r.isAnswer(b[:n]):
			r.outcome, r.answer = accepted, bytes.Clone(b[:n])
			return nil
		default:
			r.outcome = crossed
		}
	}
}

// isAnswer says whether a payload is the answer to the request.
func (r *request) isAnswer(b []byte) bool {
	b, ok := bytes.CutPrefix(b, []byte(echo.Prefix))
	if r.told {
		return ok && bytes.HasPrefix(b, append(r.payload[:len(r.payload):len(r.payload)], " local="...))
	}
	return ok && bytes.Equal(b, r.payload)
}

// isObjection says whether a packet is the message of the client's kernel that
// no socket takes an answer to the request, which came from elsewhere.
func (r *request) isObjection(p lab.Packet) bool {
	return p.Kind == lab.PortUnreachable && p.Outgoing && p.Inner.Dst == r.from && p.Inner.Src != r.to &&
		(len(r.payload) > quoted || bytes.Contains(p.Frame, r.payload))
}
