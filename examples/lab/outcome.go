//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// An outcome is what became of a request.
type outcome int

const (
	timedOut outcome = iota // neither of the others within the bound
	accepted                // the connected client read the right answer
	rejected                // the answer came from an address not asked, and the client's kernel refused it
)

func (o outcome) String() string {
	return [...]string{timedOut: "timed out", accepted: "accepted", rejected: "rejected"}[o]
}

// watch follows the client's wire until it has told what becomes of every
// request, or until ctx ends.
func watch(ctx context.Context, wire *lab.Capture, volley []*request) error {
	byPort := make(map[netip.AddrPort][]*request)
	for _, q := range volley {
		byPort[q.from] = append(byPort[q.from], q)
	}
	left := len(volley)
	_, err := wire.WaitFor(ctx, func(p lab.Packet) bool {
		client := p.Dst
		if p.Kind == lab.PortUnreachable {
			client = p.Inner.Dst
		}
		for _, q := range byPort[client] {
			if !q.told && q.see(p) {
				q.told = true
				left--
			}
		}
		return left == 0
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// see looks at a packet on the client's wire, and returns whether that is all
// the wire has to tell of the request: an answer from the right address, or the
// refusal of one from another.
func (q *request) see(p lab.Packet) bool {
	switch {
	case q.isAnswer(p):
		q.answered = p.Src
		return p.Src == q.to
	case q.isRefusal(p) && p.Inner.Src == q.answered:
		q.refused = true
		return true
	}
	return false
}

// settle decides what became of a request, by what the socket made of what was
// seen on the wire.
func (q *request) settle(bound time.Duration) error {
	wait := time.Duration(0) // whatever was seen: what is in the socket's queue is accepted
	if q.answered == q.to {
		wait = bound // it was seen on its way to the socket and may yet have to get there
	}
	ok, err := q.receive(wait)
	switch {
	case ok:
		q.outcome = accepted
	case q.refused:
		q.outcome = rejected
	default:
		q.outcome = timedOut
	}
	return err
}

// isAsked says whether p is the request, on whichever wire.
func (q *request) isAsked(p lab.Packet) bool {
	return p.Kind == lab.UDP && p.Flow == lab.Flow{Src: q.from, Dst: q.to} && bytes.Equal(p.Payload, q.payload)
}

// isAnswer says whether p is the answer to the request, on whichever wire and
// from whatever address.
func (q *request) isAnswer(p lab.Packet) bool {
	return p.Kind == lab.UDP && p.Dst == q.from && bytes.Equal(p.Payload, q.answer)
}

// isRefusal says whether p, on the client's wire, is the message of its kernel
// that no socket takes an answer to the request. It quotes the answer to its end.
func (q *request) isRefusal(p lab.Packet) bool {
	return p.Kind == lab.PortUnreachable && p.Outgoing && p.Inner.Dst == q.from && bytes.HasSuffix(p.Frame, q.answer)
}

// receive says whether the socket gets the right answer within the time given,
// or if that is 0, has it already. For that the methods of net will not do: a
// Read whose deadline has passed fails whatever there is to read.
func (q *request) receive(wait time.Duration) (bool, error) {
	deadline := time.Time{}
	if wait > 0 {
		deadline = time.Now().Add(wait)
	}
	if err := q.conn.SetReadDeadline(deadline); err != nil {
		return false, err
	}
	raw, err := q.conn.SyscallConn()
	if err != nil {
		return false, err
	}
	buf := make([]byte, 1500)
	found := false
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, _, err := syscall.Recvfrom(int(fd), buf, syscall.MSG_DONTWAIT)
			switch err {
			case nil:
				found = bytes.Equal(buf[:n], q.answer)
			case syscall.EAGAIN:
				return wait == 0
			case syscall.EINTR, syscall.ECONNREFUSED: // the latter if no server listens
			default:
				failed = err
			}
			if found || failed != nil {
				return true
			}
		}
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return found, errors.Join(err, failed)
}
