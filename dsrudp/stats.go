package dsrudp

import "github.com/dsrudp/go-dsrudp/internal/mmsg"

// Stats counts what a Conn met that no return value told, since it was made.
// All but the last three grow only when something went wrong, except, for servers that
// send to remote addresses they never heard from, UnknownPath.
type Stats struct {
	// UnknownPath counts datagrams sent to an address for which no path was
	// known. They left as net would have sent them, from the address that
	// the kernel chose, or were refused by ListenConfig.Strict.
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

	// The next five count datagrams that the kernel did not send. Each was also
	// returned as an error, or told to OnError or OnWriteError. Deadlines and
	// Close are not counted.

	// SendTooLong counts those that were longer than the protocol allows or,
	// where they may not be fragmented, than the path takes (EMSGSIZE).
	SendTooLong uint64
	// SendDenied counts those that a filter or a prohibiting route stopped
	// (EPERM, EACCES).
	SendDenied uint64
	// SendUnreachable counts those for which there was no route or nobody there
	// (ENETUNREACH, EHOSTUNREACH, ...).
	SendUnreachable uint64
	// SendNoBuffer counts those for which there was no room (ENOBUFS, ENOMEM).
	SendNoBuffer uint64
	// SendFailed counts those that were not sent for any other reason.
	SendFailed uint64

	// Panics counts panics of a Server's handler.
	Panics uint64

	// PathEntries is the number of remote addresses in the path memory now. A
	// ListenN group has one path memory.
	PathEntries int
	// PathBytes is what the path memory takes of the heap, in bytes.
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
		UnknownPath:      c.count.unknownPath.Load(),
		AmbiguousPath:    c.count.ambiguousPath.Load(),
		Refused:          c.count.refused.Load(),
		LostPath:         c.count.lostPath.Load(),
		Truncated:        c.count.truncated.Load(),
		ControlTruncated: c.count.controlTruncated.Load(),
		Dropped:          c.dropped(),
		OffloadFallbacks: c.count.offloadFallbacks.Load(),
		Panics:           c.count.panics.Load(),
		SendTooLong:      c.count.failures[mmsg.TooLong].Load(),
		SendDenied:       c.count.failures[mmsg.Denied].Load(),
		SendUnreachable:  c.count.failures[mmsg.Unreachable].Load(),
		SendNoBuffer:     c.count.failures[mmsg.NoBuffer].Load(),
	}
	for _, k := range []mmsg.Kind{mmsg.Other, mmsg.Invalid, mmsg.IO} {
		s.SendFailed += c.count.failures[k].Load()
	}
	if c.memory != nil {
		s.PathEntries, s.PathBytes, s.PathEvicted = c.memory.Len(), c.memory.Bytes(), c.memory.Evicted()
	}
	return s
}
