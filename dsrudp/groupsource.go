package dsrudp

import (
	"net/netip"
	"sync"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/sockopt"
)

// groupSources remembers from which address to answer IPv4 datagrams that were
// sent to a group.
//
// The kernel says so in spec_dst, but that is the address it would have chosen
// for the way back: where requests come in by one interface and answers leave by
// another, it is the other's. The zero value is empty.
type groupSources struct {
	mu      sync.Mutex
	sources map[groupKey]netip.Addr
	expires time.Time
}

type groupKey struct {
	ifindex uint32
	specDst netip.Addr
}

// An interface's address may change. Until that is noticed the kernel refuses
// the old one, as it is no longer local.
const groupLifetime = time.Second

// maxGroupSources bounds the memory on a host with very many addresses.
const maxGroupSources = 1024

// groupSource returns the address to answer a datagram from that was sent to a
// group: spec_dst if the receiving interface has it, else one that it has, and
// spec_dst after all if it has none.
func (c *Conn) groupSource(info *pktinfo.Info) netip.Addr {
	if info.IfIndex == 0 {
		return info.Local
	}
	key := groupKey{info.IfIndex, info.Local}
	g := &c.groupSources
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if now.After(g.expires) {
		g.sources = make(map[groupKey]netip.Addr)
		g.expires = now.Add(groupLifetime)
	}
	source, ok := g.sources[key]
	if !ok {
		if len(g.sources) >= maxGroupSources {
			clear(g.sources)
		}
		want := info.Local
		source = want
		name := c.zones.Name(info.IfIndex)
		// The error is the socket's being closed.
		_ = c.raw.Control(func(fd uintptr) {
			if a, ok := sockopt.InterfaceAddr(fd, name, want); ok {
				source = a
			}
		})
		g.sources[key] = source
	}
	return source
}
