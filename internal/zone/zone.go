// Package zone translates IPv6 zones (RFC 4007: the names of interfaces) to
// interface indexes and back, in the network namespace of a socket.
//
// net's own translation asks the namespace of whatever thread it runs on, and
// keeps one memory for the process; a socket may live in another namespace.
package zone

import (
	"strconv"
	"sync"
	"syscall"
	"time"
)

// lifetime is how long a translation is believed: interfaces are renamed
// seldom, and net believes its own for as long.
const lifetime = time.Minute

// Cache translates for one socket. Its methods may be called from many
// goroutines.
type Cache struct {
	raw syscall.RawConn

	mu      sync.RWMutex
	names   map[uint32]string
	indexes map[string]uint32
	expires time.Time
}

// NewCache returns a Cache that asks through the socket raw.
func NewCache(raw syscall.RawConn) *Cache { return &Cache{raw: raw} }

// Name returns the name of the interface with the given index, its digits
// where there is no such interface, and "" for 0.
func (c *Cache) Name(index uint32) string {
	if index == 0 {
		return ""
	}
	c.mu.RLock()
	name, ok := c.names[index]
	fresh := time.Now().Before(c.expires)
	c.mu.RUnlock()
	if ok && fresh {
		return name
	}
	name, ok = interfaceName(c.raw, index)
	if !ok {
		return strconv.FormatUint(uint64(index), 10)
	}
	c.remember(name, index)
	return name
}

// Index returns the index of the interface with the given name, or the number
// that name is, or 0.
func (c *Cache) Index(name string) uint32 {
	if name == "" {
		return 0
	}
	c.mu.RLock()
	index, ok := c.indexes[name]
	fresh := time.Now().Before(c.expires)
	c.mu.RUnlock()
	if ok && fresh {
		return index
	}
	index, ok = interfaceIndex(c.raw, name)
	if !ok {
		n, err := strconv.ParseUint(name, 10, 32)
		if err != nil {
			return 0
		}
		return uint32(n)
	}
	c.remember(name, index)
	return index
}

// remember keeps a pair that the kernel gave. Only interfaces that exist come
// here, so the memory is bounded by their number.
func (c *Cache) remember(name string, index uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.After(c.expires) {
		c.names = make(map[uint32]string)
		c.indexes = make(map[string]uint32)
		c.expires = now.Add(lifetime)
	}
	c.names[index] = name
	c.indexes[name] = index
}
