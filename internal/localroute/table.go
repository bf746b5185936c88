package localroute

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A kernel is what a Table asks. Its methods may be called concurrently.
type kernel interface {
	// route returns what the routing tables say of an unmapped address that
	// is neither unspecified nor multicast.
	route(a netip.Addr, ifindex uint32) (route, error)

	// solid reports whether every address of a prefix that the local table
	// calls local is local. When in doubt it is false.
	solid(p netip.Prefix) bool
}

// A route is the kernel's answer about one address.
type route struct {
	local bool
	// broadcast says that the address is a subnet's broadcast address.
	broadcast bool
	prefix    netip.Prefix // the destination of the route that matched
	watched   bool         // whatever ends it is announced by a notification
}

// Table is what is known of the local addresses of one network namespace.
// All users of a namespace in a process share one, and its methods may be
// called concurrently. [Open] returns one.
type Table struct {
	kernel kernel

	// gen numbers the state of what is below. It is changed only with mu
	// held, and before anything remembered is taken away, so that what was
	// found under the present generation is still to be relied on.
	gen atomic.Uint64

	mu       sync.RWMutex
	prefixes map[key]bool // watched; false for a range that has holes
	lengths  []uint32     // of the ranges among them, each once
	received map[key]struct{}
	earlier  map[key]struct{} // received, before the last tick
	ticker   *time.Timer      // armed or nil
	settler  *time.Timer      // armed, spent, or nil
	deaf     bool             // no notifications come any more

	handle handle // for Close; what it is depends on the system
}

// generations are never used twice in a process, so that a Memo may outlive a
// Table.
var generations atomic.Uint64

func newTable(k kernel) *Table {
	t := &Table{kernel: k}
	t.reset()
	return t
}

// Local reports whether a is local or anycast to the host, that is, whether
// the host may send from it. Unspecified and multicast addresses never are, nor
// is the zero Addr. Of IPv4, broadcast addresses are not, nor those that are so
// only by another table than local and main, as the kernel would not send from
// them. Loopback addresses are: whether the peer may see one is for the caller
// to judge. An IPv4-mapped address is taken as the IPv4 address.
//
// The zone of a is ignored: ifindex is the interface of a link-local IPv6
// address, and is not looked at otherwise. m is the caller's own memory, or
// nil for none.
//
// The error is not nil only if the kernel had to be asked and could not be; it
// matches [ErrUnavailable].
func (t *Table) Local(m *Memo, a netip.Addr, ifindex uint32) (bool, error) {
	k := keyOf(a, ifindex)
	gen := t.gen.Load()
	if m.has(k, gen) {
		return true, nil
	}
	if never(k) {
		return false, nil
	}
	switch t.recall(k) {
	case known:
		m.put(k, gen)
		return true, nil
	case fading:
		return true, nil
	}
	local, watched, err := t.ask(k, gen)
	if !local {
		return false, err
	}
	if !watched {
		t.expire()
	}
	m.put(k, gen)
	return true, nil
}

// Generation is a number that changes whenever an address that was local may be
// so no longer.
func (t *Table) Generation() uint64 { return t.gen.Load() }

// Ask is Local without memory: it is for a send that has just failed, whose
// cause may be that a stopped being local and nobody has read so yet.
func (t *Table) Ask(a netip.Addr, ifindex uint32) (bool, error) {
	k := keyOf(a, ifindex)
	if never(k) {
		return false, nil
	}
	local, _, err := t.ask(k, t.gen.Load())
	return local, err
}

// Broadcast reports whether a is the broadcast address of a subnet of the host's,
// by the kernel's word of now. It is false where the kernel cannot be asked.
func (t *Table) Broadcast(a netip.Addr) bool {
	k := keyOf(a, 0)
	if never(k) {
		return false
	}
	r, err := t.kernel.route(k.addr(), 0)
	return err == nil && r.broadcast
}

// Received notes that a was the unicast destination of a datagram that the
// host received on the interface ifindex, which settles that a is local even
// where the routing tables, asked without the datagram's mark or interface,
// would not say so (TPROXY, rules with iif). It then holds for [ReceivedFor],
// and has to be received again after that. A change of the routes does not
// shorten it, but so many other addresses received meanwhile that memory has to
// be bounded do. The parameters are those of [Table.Local].
func (t *Table) Received(m *Memo, a netip.Addr, ifindex uint32) {
	k := keyOf(a, ifindex)
	gen := t.gen.Load()
	if m.has(k, gen) || never(k) {
		return
	}
	found := t.recall(k)
	if found == unknown {
		if _, watched, _ := t.ask(k, gen); watched {
			found = known
		}
	}
	if found != known {
		t.note(k)
	}
	m.put(k, gen)
}

// never reports whether k cannot be a source whatever the tables say. The
// kernel must not be asked about 0.0.0.0: it would take it for 127.0.0.1.
func never(k key) bool {
	a := k.addr()
	return a.IsUnspecified() || a.IsMulticast()
}

// ask asks the kernel, and remembers what it says if a notification is going
// to tell when it ends.
func (t *Table) ask(k key, gen uint64) (local, watched bool, err error) {
	a := k.addr()
	r, err := t.kernel.route(a, k.index)
	if err != nil {
		return false, false, fmt.Errorf("%w: route lookup for %v: %w", ErrUnavailable, a, err)
	}
	if !r.local || !r.watched {
		return r.local, false, nil
	}
	if !r.prefix.IsSingleIP() && k.ranged() {
		p := prefixKey(r.prefix)
		solid, ok := t.solid(p)
		if !ok {
			solid = t.kernel.solid(r.prefix)
			t.remember(p, solid, gen)
		}
		if solid {
			k = p
		}
	}
	return true, t.remember(k, true, gen), nil
}
