package dsrudp

import "sync/atomic"

// Stats counts what a Conn met that no return value told, since it was made.
// Nothing here is part of a healthy server's routine except, for servers that
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
	// PathEntries is the number of remote addresses in the path memory now,
	// PathBytes its size in memory, and PathEvicted the number of remote
	// addresses forgotten because it was full. A ListenN group has one path
	// memory.
	PathEntries, PathBytes int
	PathEvicted            uint64
}

// counters are the counts behind Stats.
type counters struct {
	unknownPath, ambiguousPath, refused   atomic.Uint64
	lostPath, truncated, controlTruncated atomic.Uint64
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
	}
	if c.memory != nil {
		s.PathEntries, s.PathBytes, s.PathEvicted = c.memory.Len(), c.memory.Bytes(), c.memory.Evicted()
	}
	return s
}
