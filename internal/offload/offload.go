// Package offload decides when several datagrams may leave as one message for
// the kernel to cut into segments (UDP_SEGMENT, udp(7)).
//
// What the kernel, the device and the path take cannot be asked. It shows in
// errors, and those have other causes too. So a [Policy] is told of a failure
// only when the same datagrams went out plainly afterwards. It then gives up on
// that destination, for a time: one peer, or who forges what a router says of
// the way there, shall not slow down all. Only when several destinations have
// failed is it taken for a fault of the host, again for a time.
package offload

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Linux takes up to 128 segments in a message, and took 64 before 6.9
// (UDP_MAX_SEGMENTS).
const (
	maxSegments = 128
	oldSegments = 64
)

// lifetime is how long what was found holds: as long as Linux keeps a path's MTU
// (net.ipv4.route.mtu_expires).
const lifetime = 10 * time.Minute

const (
	// maxPaths bounds the destinations remembered. Whoever can have them
	// fail with forged ICMP messages shall not fill the memory.
	maxPaths = 1024
	// hostFault is how many destinations have to be unable to take any
	// segments for it to be the host.
	hostFault = 8
)

// A Policy is one socket's. The zero value has offload off for good. Its methods
// may be called from many goroutines.
type Policy struct {
	limit atomic.Int32 // segments in one message; 0 when off
	found atomic.Bool  // something was

	mu    sync.RWMutex
	paths map[netip.Addr]path
	bad   int       // paths with size 0
	until time.Time // off for all
}

// A path takes no segments of size bytes and more.
type path struct {
	size    int
	expires time.Time
}

// Start turns offload on.
func (p *Policy) Start() { p.limit.Store(maxSegments) }

// Limit returns how many datagrams of size bytes to dst may leave as one
// message. One or less means none but plainly.
func (p *Policy) Limit(dst netip.Addr, size int) int {
	if p.found.Load() && p.gaveUp(dst, size) {
		return 1
	}
	return int(p.limit.Load())
}

func (p *Policy) gaveUp(dst netip.Addr, size int) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	now := time.Now()
	if now.Before(p.until) {
		return true
	}
	found, ok := p.paths[dst]
	return ok && size >= found.size && now.Before(found.expires)
}

// TooLong notes that segments of size bytes to dst were too long although
// datagrams of that size are not: the kernel fragments those and never segments.
func (p *Policy) TooLong(dst netip.Addr, size int) { p.note(dst, max(size, 1)) }

// anyPath is a length of segments that is not too long for any path: Linux believes
// no router that speaks of less than 552 bytes (net.ipv4.route.min_pmtu), headers
// included.
const anyPath = 512

// Invalid notes that the kernel called a message of so many segments of size
// bytes to dst invalid although the datagrams are not: an older one takes fewer,
// or says so of segments that are too long, and with some sockets and devices none
// work.
func (p *Policy) Invalid(dst netip.Addr, size, segments int) {
	if segments > oldSegments && p.limit.CompareAndSwap(maxSegments, oldSegments) {
		return
	}
	switch {
	case segments > oldSegments:
	case size <= anyPath:
		p.Unable(dst)
	default:
		p.note(dst, size)
	}
}

// Unable notes that no segments to dst work, whatever their length.
func (p *Policy) Unable(dst netip.Addr) { p.note(dst, 0) }

func (p *Policy) note(dst netip.Addr, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paths == nil || len(p.paths) >= maxPaths {
		p.paths, p.bad = make(map[netip.Addr]path), 0
	}
	now := time.Now()
	old, ok := p.paths[dst]
	if ok && now.Before(old.expires) {
		size = min(size, old.size)
	}
	if size == 0 && (!ok || old.size > 0) {
		p.bad++
	}
	p.paths[dst] = path{size, now.Add(lifetime)}
	if p.bad >= hostFault {
		p.paths, p.bad = nil, 0
		p.until = now.Add(lifetime)
	}
	p.found.Store(true)
}
