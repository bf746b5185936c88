package batch

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// Linux takes up to 128 segments in a message, and took 64 before 6.9 (UDP_MAX_SEGMENTS).
const (
	maxSegments = 128
	oldSegments = 64
)

const (
	// offloadLifetime is how long a failure counts: as long as Linux keeps a path's MTU
	// (net.ipv4.route.mtu_expires).
	offloadLifetime = 10 * time.Minute
	// maxPaths bounds the destinations remembered. Whoever can make them fail with
	// forged ICMP messages must not fill the memory.
	maxPaths = 1024
	// hostFault is how many destinations have to be unable to take any segments for it
	// to be the host's fault.
	hostFault = 8
	// anyPath is a length of segments in bytes that is not too long for any path: Linux
	// ignores a path MTU below 552 bytes (net.ipv4.route.min_pmtu), which includes headers.
	anyPath = 512
)

// An Offload says how many datagrams may leave as one message (UDP_SEGMENT). It is one
// socket's, and off in its zero value. Its methods may be called from many goroutines.
//
// What the kernel, the device and the path take cannot be asked. It shows in errors, and
// those have other causes too. So a failure counts only when the same datagrams left one
// by one afterwards. Segments are then given up to that destination, for a time: one peer,
// or a forged ICMP message, must not slow down all. Only when
// several destinations have failed is it taken for a fault of the host, again for a time.
type Offload struct {
	Fallbacks atomic.Uint64 // messages that left one by one

	limit  atomic.Int32 // segments in one message; 0 when off
	failed atomic.Bool  // something has, within offloadLifetime

	mu     sync.RWMutex
	paths  map[netip.Addr]pathLimit
	until  time.Time // off for all
	expire time.Time // when the last failure no longer counts
}

// A pathLimit says that a path takes no segments of size bytes and more.
type pathLimit struct {
	size    int
	expires time.Time
}

// Start turns o on.
func (o *Offload) Start() { o.limit.Store(maxSegments) }

// Limit returns how many datagrams of size bytes to dst may leave as one message. One or
// less means that each leaves by itself.
func (o *Offload) Limit(dst netip.Addr, size int) int {
	if o.failed.Load() && o.gaveUp(dst, size) {
		return 1
	}
	return int(o.limit.Load())
}

func (o *Offload) gaveUp(dst netip.Addr, size int) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	now := time.Now()
	if now.Before(o.until) {
		return true
	}
	if now.After(o.expire) {
		o.failed.Store(false)
	}
	p, ok := o.paths[dst]
	return ok && size >= p.size && now.Before(p.expires)
}

// Failed notes that count datagrams of size bytes to dst left one by one only, as the
// kernel refused them as one for why.
func (o *Offload) Failed(dst netip.Addr, size, count int, why mmsg.Kind) {
	o.Fallbacks.Add(1)
	switch why {
	case mmsg.TooLong, mmsg.Denied:
		// Datagrams of that size are fragmented, and segments never; a filter may go by
		// the length.
		o.note(dst, max(size, 1))
	case mmsg.Invalid:
		// An older kernel takes fewer, or says so of segments that are too long, and
		// with some sockets and devices none work.
		if count > oldSegments {
			o.limit.CompareAndSwap(maxSegments, oldSegments)
			return
		}
		if size <= anyPath {
			size = 0
		}
		o.note(dst, size)
	case mmsg.IO:
		o.note(dst, 0)
	}
}

func (o *Offload) note(dst netip.Addr, size int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if o.paths == nil || len(o.paths) >= maxPaths {
		o.paths = make(map[netip.Addr]pathLimit)
	}
	if old, ok := o.paths[dst]; ok && now.Before(old.expires) {
		size = min(size, old.size)
	}
	o.expire = now.Add(offloadLifetime)
	o.paths[dst] = pathLimit{size, o.expire}
	if size == 0 && o.bad(now) >= hostFault {
		o.paths, o.until = nil, o.expire
	}
	o.failed.Store(true)
}

// bad returns how many destinations can take no segments now.
func (o *Offload) bad(now time.Time) (n int) {
	for _, p := range o.paths {
		if p.size == 0 && now.Before(p.expires) {
			n++
		}
	}
	return n
}
