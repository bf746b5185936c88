// Package localroute answers whether the kernel calls an address local, or
// anycast, to the host.
//
// Linux asks itself that before it lets a socket send from an address. On IPv6
// it looks only at the addresses of interfaces, so a VIP that exists as a local
// route is refused, and IPV6_FREEBIND, which ends the refusal, ends the whole
// check: the socket may then send from any address there is. This package is
// that check with the routing table in place of the interfaces.
//
// # Where an answer comes from
//
// Each network namespace has one [Table], which asks the kernel by
// RTM_GETROUTE (rtnetlink(7)). That needs no privilege. The answer, yes or no,
// is good for one to two seconds, by a clock that runs only while there are
// answers to forget: an address that is withdrawn is refused within two
// seconds, and one that is added may be refused for as long. Nothing listens
// for changes of routes, so they cost nothing, however many there are.
//
// For a received datagram the kernel is asked as for that datagram, with its
// interface and source, so that rules by interface (ip rule iif) answer as they
// did for it. The prefix of the local route that matched is remembered: a range
// of VIPs costs one entry and one request each second, however many of its
// addresses are used. For any other address the kernel is asked without an
// interface, unless a remembered prefix covers the address, and the single
// address is remembered. So a VIP that is local only by a rule for an interface
// may be sent from for one to two seconds after it was received at, and not
// later, as the kernel refuses it at once on IPv4.
//
// # Limits
//
//   - A route of the local table that is not local may lie inside one that is
//     (ip route add unreachable ADDRESS table local). Its addresses count as
//     local while Received has the range remembered. Nothing is received at
//     them, so this is about sources that a program made up. A route of another
//     table makes no such hole, because the local table is consulted first.
//   - A route that is local in a table other than the local one is there for
//     those addresses that rules lead to it. It is remembered for the single
//     address. So is every address of IPv4, where the kernel keeps the tables
//     local and main as one while there is no rule of the administrator's, and
//     routes of main can make holes.
//   - The mark of a received datagram is not known here. An address that is
//     local by a rule for a mark alone (as with TPROXY) is not local.
//
// It is available on Linux. Elsewhere [Open] returns an error that matches
// [errors.ErrUnsupported].
package localroute

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"
)

// ErrUnavailable says that the kernel could not be asked. The system's error is
// wrapped beside it.
var ErrUnavailable = errors.New("localroute: cannot ask the kernel for local routes")

// A Table asks one network namespace and remembers its answers. All users of a
// namespace in a process share one. Its methods may be called concurrently.
//
// The addresses given to them are unmapped, and their zones are ignored: an
// ifindex is the interface of a link-local IPv6 address. Unspecified and
// multicast addresses are never local, nor is the zero Addr. Of IPv4, broadcast
// addresses are not. Loopback addresses are: whether the peer may see one is
// for the caller to decide.
//
// An error is not nil only if the kernel had to be asked and could not be. It
// matches [ErrUnavailable].
type Table struct {
	kernel kernel

	mu         sync.RWMutex
	young, old answers     // given since the last tick, and between the two last
	turns      uint64      // counts how often old was forgotten
	timer      *time.Timer // armed, or nil where there is nothing to forget

	namespace namespace
	users     int // guarded by tables
}

// A kernel is what a Table asks. Its methods may be called concurrently.
type kernel interface {
	// ask returns the answer of the routing tables. The address is neither
	// unspecified nor multicast.
	ask(question) (answer, error)
	close()
}

// A question is whether addr is local: to a datagram from remote that arrived on
// the interface ifindex if received is set. Otherwise ifindex is looked at for
// link-local IPv6 addresses only, and remote is not looked at.
type question struct {
	addr     netip.Addr
	ifindex  uint32
	received bool
	remote   netip.Addr
}

// tables are those in use, one for each namespace.
var tables = struct {
	sync.Mutex
	m map[namespace]*Table
}{m: make(map[namespace]*Table)}

// Open returns the Table of the network namespace that the socket fd belongs
// to, which need not be that of the process (systemd, SCM_RIGHTS). Each Open
// needs one [Table.Close]. fd is not kept.
//
// An error matches [ErrUnavailable]: a seccomp filter may forbid AF_NETLINK,
// and to enter another namespace than the thread's needs CAP_NET_ADMIN there
// and CAP_SYS_ADMIN. On systems other than Linux it matches
// errors.ErrUnsupported, too.
//
// Kernels before 5.14 do not say which namespace a socket belongs to. There it
// is taken for that of the calling thread.
func Open(fd uintptr) (*Table, error) {
	t, err := open(fd)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return t, nil
}

// Close gives up one use of the Table. The last one for a namespace closes its
// socket. After it the Table fails with an error that matches os.ErrClosed.
func (t *Table) Close() error {
	tables.Lock()
	defer tables.Unlock()
	if t.users == 0 {
		return os.ErrClosed
	}
	if t.users--; t.users > 0 {
		return nil
	}
	delete(tables.m, t.namespace)
	t.kernel.close() // first, so that no answer comes after the ticks
	t.Tick()
	t.Tick()
	return nil
}

// Received reports whether a is local, the unicast destination of a datagram
// from remote that arrived on the interface ifindex. Receipt alone does not show
// it: the datagram may have been queued since before a was withdrawn.
func (t *Table) Received(a netip.Addr, ifindex uint32, remote netip.Addr) (bool, error) {
	known, err := t.answer(question{addr: a, ifindex: ifindex, received: ifindex != 0, remote: remote})
	return known.local, err
}

// Local reports whether a is local. Of IPv4, addresses that are so only by
// another table than local and main are not, as the kernel would not send from
// them.
func (t *Table) Local(a netip.Addr, ifindex uint32) (bool, error) {
	known, err := t.answer(question{addr: a, ifindex: ifindex})
	return known.local, err
}

// Ask is Local without memory: it is for a send that has just failed, whose
// cause may be that a has been withdrawn, and for what has to be known as of now.
func (t *Table) Ask(a netip.Addr, ifindex uint32) (bool, error) {
	known, err := t.ask(question{addr: a, ifindex: ifindex})
	return known.local, err
}

// Broadcast reports whether a is the broadcast address of a subnet of the host.
// It is false where the kernel cannot be asked.
func (t *Table) Broadcast(a netip.Addr) bool {
	known, _ := t.answer(question{addr: a})
	return known.broadcast
}

// answer answers q from memory, or asks the kernel and remembers.
func (t *Table) answer(q question) (answer, error) {
	if never(q.addr) {
		return answer{}, nil
	}
	k := keyOf(q.addr, q.ifindex)
	known, ok, turns := t.recall(k)
	if ok && (known.local || !q.received || known.iif == q.ifindex) {
		return known, nil
	}
	known, err := t.ask(q)
	if q.received && !known.local && err == nil {
		// The kernel may refuse that lookup for reasons of its own, as IPv4's
		// does for a datagram of this host. What Local would find counts.
		known, err = t.ask(question{addr: q.addr, ifindex: q.ifindex})
		known.iif = q.ifindex
	}
	if err != nil {
		return answer{}, err
	}
	t.remember(k, known, turns)
	return known, nil
}

func (t *Table) ask(q question) (answer, error) {
	if never(q.addr) {
		return answer{}, nil
	}
	known, err := t.kernel.ask(q)
	if err != nil {
		return answer{}, fmt.Errorf("%w: lookup of %v: %w", ErrUnavailable, q.addr, err)
	}
	return known, nil
}

// never reports whether a cannot be a source whatever the routes say. The
// kernel must not be asked about 0.0.0.0: it would take it for 127.0.0.1. And
// a remembered ::/0 must not cover a multicast address.
func never(a netip.Addr) bool {
	return !a.IsValid() || a.IsUnspecified() || a.IsMulticast()
}
