// Package offload decides when several datagrams may leave as one message for
// the kernel to cut into segments (UDP_SEGMENT, udp(7)).
//
// What the kernel, the device and the path take cannot be asked. It shows in
// errors, and those have other causes too. So a [Policy] is told of a failure
// only when the same datagrams went out plainly afterwards, and gives up no more
// than the error says.
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

// pathLifetime is how long a path is taken to be as narrow as it was found: as
// long as Linux keeps a path's MTU (net.ipv4.route.mtu_expires).
const pathLifetime = 10 * time.Minute

// maxPaths bounds the paths remembered. Whoever can have them narrowed with
// forged ICMP messages shall not fill the memory.
const maxPaths = 1024

// A Policy is one socket's. The zero value has offload off for good. Its methods
// may be called from many goroutines.
type Policy struct {
	limit atomic.Int32 // segments in one message; 0 when off

	narrow atomic.Bool // there are paths
	mu     sync.RWMutex
	paths  map[netip.Addr]path
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
	if p.narrow.Load() {
		p.mu.RLock()
		found, ok := p.paths[dst]
		p.mu.RUnlock()
		if ok && size >= found.size && time.Now().Before(found.expires) {
			return 1
		}
	}
	return int(p.limit.Load())
}

// TooLong notes that segments of size bytes to dst were too long although
// datagrams of that size are not: the kernel fragments those and never segments.
func (p *Policy) TooLong(dst netip.Addr, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paths == nil || len(p.paths) >= maxPaths {
		p.paths = make(map[netip.Addr]path)
	}
	if old, ok := p.paths[dst]; ok && time.Now().Before(old.expires) {
		size = min(size, old.size)
	}
	p.paths[dst] = path{size, time.Now().Add(pathLifetime)}
	p.narrow.Store(true)
}

// Invalid notes that the kernel called a message of so many segments invalid
// although the datagrams are not: an older one takes fewer, and with some
// devices none work.
func (p *Policy) Invalid(segments int) {
	if segments > oldSegments {
		p.limit.CompareAndSwap(maxSegments, oldSegments)
		return
	}
	p.limit.Store(0)
}

// Unable notes that the device on the way cannot do what segments need.
func (p *Policy) Unable() { p.limit.Store(0) }
