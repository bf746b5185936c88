package dsrudp

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// Stats counts what a Conn received and sent, and what went wrong, since it was made.
// All but the first four and the last three grow only when something went wrong, except,
// for servers that send to remote addresses that never wrote to them, UnknownPath. Sums over
// several Conns are right, but for those of the path memory: see PathEntries.
type Stats struct {
	// Received counts the datagrams received, those included that came truncated and those
	// that a Server dropped, and ReceivedBytes the bytes of their payloads as far as they
	// fitted. Several that GRO joined count each. What is read through SyscallConn is not
	// counted, nor what a Server had not looked at yet when its Conn was closed.
	Received, ReceivedBytes uint64
	// Sent counts the datagrams that the kernel took to send, and SentBytes the bytes of
	// their payloads. Several that leave as one message count each, but not those that a
	// socket option of the caller's makes of one payload (UDP_SEGMENT).
	Sent, SentBytes uint64

	// UnknownPath counts datagrams sent to an address for which no path was
	// known. They left as net would have sent them, from the address that
	// the kernel chose, or were refused by ListenConfig.Strict. A message counts each time
	// that WriteBatch is given it.
	UnknownPath uint64
	// AmbiguousPath counts datagrams sent to an address, carrying no path,
	// that had been seen on more than one local address. They left from the
	// last one, or were refused by ListenConfig.Strict.
	AmbiguousPath uint64
	// Refused counts sends refused with ErrNotLocal or ErrNoPath.
	Refused uint64
	// LostPath counts datagrams received whose local address could not be
	// known.
	LostPath uint64
	// ReadFailed counts reads that failed with an error of the kernel's, as of a connected
	// peer at which nobody listens (ECONNREFUSED). Each was also returned as an error, or given
	// to OnError.
	ReadFailed uint64
	// Truncated counts datagrams received that were longer than the buffer.
	Truncated uint64
	// ControlTruncated counts datagrams received whose control messages did
	// not all fit.
	ControlTruncated uint64
	// Dropped counts datagrams that the kernel dropped on the way to the
	// reader, on Linux (what SO_RXQ_OVFL counts): nearly always because the
	// receive buffer was full, else for a wrong checksum or a socket filter. A larger
	// ListenConfig.ReadBuffer helps against bursts, and ListenN against more.
	Dropped uint64
	// OffloadFallbacks counts messages of several datagrams that the kernel
	// did not take although it took the datagrams one by one afterwards.
	// Unless memory was short it is not tried again for some time, to the
	// remote address, or to any if it was so with several.
	OffloadFallbacks uint64

	// The next three count datagrams that the kernel did not send. Each was also
	// returned as an error, or given to OnError. Deadlines and Close are not counted.

	// SendDenied counts those that a filter or a prohibiting route stopped
	// (EPERM, EACCES): see the host's firewall.
	SendDenied uint64
	// SendNoBuffer counts those for which there was no room (ENOBUFS, ENOMEM, and in a
	// Server EAGAIN): a larger ListenConfig.WriteBuffer helps.
	SendNoBuffer uint64
	// SendFailed counts those that were not sent for any other reason: too long, no route,
	// nobody there.
	SendFailed uint64

	// RawRefused counts reads and writes through SyscallConn refused with ErrRawIO.
	RawRefused uint64

	// SelfAddressed counts datagrams that a Server dropped because they came from one of
	// its own sockets, or had a source that says so; see [Server].
	SelfAddressed uint64
	// Unanswerable counts replies of a Server to nobody: the request came from port 0 or
	// from an unspecified address. The kernel was not asked to send them.
	Unanswerable uint64
	// Panics counts panics of a Server's handler.
	Panics uint64

	// PathEntries is the number of remote addresses in the path memory now. The Conns of
	// one port that one ListenN or NewConns made have one path memory.
	PathEntries int
	// PathBytes is about what the path memory takes of the heap, in bytes.
	PathBytes int
	// PathEvicted counts remote addresses forgotten because the path memory was
	// full.
	PathEvicted uint64
}

// Stats returns the counts so far.
func (c *Conn) Stats() Stats {
	if !c.ok() {
		return Stats{}
	}
	s := Stats{
		Received:         c.counts.received.datagrams.Load(),
		ReceivedBytes:    c.counts.received.bytes.Load(),
		Sent:             c.counts.sent.datagrams.Load(),
		SentBytes:        c.counts.sent.bytes.Load(),
		UnknownPath:      c.source.Counts.UnknownPath.Load(),
		AmbiguousPath:    c.source.Counts.AmbiguousPath.Load(),
		Refused:          c.counts.refused.Load(),
		LostPath:         c.source.Counts.LostPath.Load(),
		ReadFailed:       c.counts.unreadable.Load(),
		Truncated:        c.counts.truncated.Load(),
		ControlTruncated: c.counts.controlTruncated.Load(),
		Dropped:          c.dropped(),
		OffloadFallbacks: c.offload.Fallbacks.Load(),
		SendDenied:       c.counts.denied.Load(),
		SendNoBuffer:     c.counts.noBuffer.Load(),
		SendFailed:       c.counts.failed.Load(),
		RawRefused:       c.counts.raw.Load(),
		SelfAddressed:    c.counts.self.Load(),
		Unanswerable:     c.counts.unanswerable.Load(),
		Panics:           c.counts.panics.Load(),
	}
	if m := c.source.Memory; m != nil {
		s.PathEntries, s.PathBytes, s.PathEvicted = m.Usage()
	}
	return s
}

// counts are what this package counts, from the values and errors that the packages below
// return: they count what none of their results shows.
type counts struct {
	received, sent traffic

	refused, denied, noBuffer, failed   atomic.Uint64
	truncated, controlTruncated, panics atomic.Uint64
	raw, self, unanswerable, unreadable atomic.Uint64

	mu        sync.Mutex
	lastDrops uint32 // the kernel's count, which starts again after 1<<32
	drops     uint64
}

// A traffic counts datagrams and the bytes of their payloads.
type traffic struct{ datagrams, bytes atomic.Uint64 }

func (t *traffic) add(datagrams, bytes int) {
	t.datagrams.Add(uint64(datagrams))
	t.bytes.Add(uint64(bytes))
}

// dropped returns how many datagrams the kernel has dropped so far, and after Close
// until then.
func (c *Conn) dropped() uint64 {
	n := &c.counts
	n.mu.Lock()
	defer n.mu.Unlock()
	// The error is the socket's being closed.
	_ = c.sock.Control(func(fd uintptr) error {
		if _, drops, ok := mmsg.Queue(fd); ok {
			n.drops += uint64(drops - n.lastDrops)
			n.lastDrops = drops
		}
		return nil
	})
	return n.drops
}

// forgetDrops begins to count drops from now on.
func (c *Conn) forgetDrops() {
	c.dropped()
	c.counts.mu.Lock()
	c.counts.drops = 0
	c.counts.mu.Unlock()
}

// cut counts a datagram received with flags that say that something was cut.
func (n *counts) cut(flags int) {
	if flags&mmsg.FlagTrunc != 0 {
		n.truncated.Add(1)
	}
	if flags&mmsg.FlagCtrunc != 0 {
		n.controlTruncated.Add(1)
	}
}

// unread counts a read that failed because of err, if that is the kernel's, and not that
// nothing was queued.
func (n *counts) unread(err error) {
	var kernels *os.SyscallError
	if errors.As(err, &kernels) && !kernels.Timeout() {
		n.unreadable.Add(1)
	}
}

// unsent counts k datagrams not sent because of err, if this package refused them or the
// kernel did.
func (n *counts) unsent(err error, k int) {
	var kernels *os.SyscallError
	switch {
	case refused(err):
		n.refused.Add(uint64(k))
	case errors.Is(err, errNobody):
		n.unanswerable.Add(uint64(k))
	case !errors.As(err, &kernels):
	case errors.Is(err, mmsg.ErrWouldBlock):
		n.noBuffer.Add(uint64(k))
	default:
		switch mmsg.KindOf(err) {
		case mmsg.Denied:
			n.denied.Add(uint64(k))
		case mmsg.NoBuffer:
			n.noBuffer.Add(uint64(k))
		default:
			n.failed.Add(uint64(k))
		}
	}
}
