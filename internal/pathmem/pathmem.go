// Package pathmem remembers to which local address each remote last wrote.
//
// A UDP server bound to the wildcard address that is given nothing but the remote's
// address to send to (WriteToUDPAddrPort, or WriteTo with an address rebuilt from a
// string) no longer knows which of its own addresses the request was sent to. A [Table]
// does.
//
// A Table is Go maps, sharded by the remote, with keys and values that hold no pointers,
// so that the collector does not scan them. Each shard has two generations: a remote that
// writes is in the young one, and where that is full the old one is forgotten and the young
// one becomes the old. So a Table always remembers the remotes that wrote last, up to about
// half its bound, and at most its bound. Datagrams with forged sources can push out
// remotes that are silent while as many as half the bound are forged, and make a remote
// whose address is forged [Ambiguous] or [Lost]. They cannot make the Table larger than its
// bound, nor push out a remote that keeps writing. A Table does not shrink.
//
// A remote takes about 110 bytes. Noting what is known already, and finding it, allocates
// nothing.
package pathmem

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"sync"
)

// State says what the local address found for a remote is worth.
type State uint8

const (
	Unknown   State = iota // nothing is remembered of the remote
	Known                  // the remote has written to this local address only
	Ambiguous              // it has written to others too, to this one last
	Lost                   // the destination of its last datagram is not known
)

// A Table is a bounded memory of remotes, made by [New]. Its methods may be called from
// many goroutines.
type Table struct {
	seed   [3]uint64 // so that nobody can choose remotes that are in one shard
	max    int       // remotes in a generation of a shard
	shards []shard   // a power of two of them
}

// More shards let more goroutines write at once, fewer fill more evenly: with half of
// minShare in a generation, one is full within some per cent of the mean.
const (
	maxShards = 64
	minShare  = 1024
)

type shard struct {
	mu         sync.Mutex
	young, old map[uint64]entry // by hash; a remote is in one of them at most; nil until needed
	evicted    uint64
	_          [32]byte // a cache line for each shard
}

// Addresses are the two halves of an IPv6 address, IPv4 as IPv4-mapped IPv6. Keys and values
// are 64-bit words, because words that are written in pieces are slow to load as a whole:
// with arrays of bytes and flags Note and Find took half as long again.
type key struct {
	hi, lo uint64
	id     uint64 // the port, shifted by 32, and the interface if the address is link-local
}

type value struct {
	hi, lo uint64 // of the local address
	meta   uint64 // its interface if it is link-local or "::", and the bits below
}

// An entry is what is known of a remote. It has the key, as the maps are by the key's hash:
// Go's maps are faster with words, by 3 % of saturated batches of datagrams.
type entry struct {
	remote key
	local  value
}

const (
	isKnown = 1 << 32 // there is a local address
	isMany  = 1 << 33 // the remote has written to several
	isLost  = 1 << 34 // its last datagram had none; this is the one before
)

// New returns an empty Table that remembers up to bound remotes, but up to 2 if it is 1. It
// panics if bound is not positive.
func New(bound int) *Table {
	if bound <= 0 {
		panic("pathmem: New needs a positive number of remotes")
	}
	n := 1
	for n < maxShards && bound/(2*n) >= minShare {
		n *= 2
	}
	return &Table{
		seed:   [3]uint64{rand.Uint64() | 1, rand.Uint64() | 1, rand.Uint64() | 1},
		max:    max(bound/n/2, 1),
		shards: make([]shard, n),
	}
}

// Note remembers that remote wrote to local. Where remote is an IPv6 link-local address,
// ifindex is its interface; where local is one, or the unspecified IPv6 address (which
// stands for a multicast group), localIfindex is that of local, unless remote has one: the
// kernel sends between the two on one interface only. Elsewhere both are ignored, and so is
// the zone inside a [netip.Addr].
//
// A remote remembered with another local address, or with the same one on another
// interface, is Ambiguous from now on. With an invalid local the remote is Lost until it is
// noted with a valid one; what was known before decides whether it then is Known or
// Ambiguous. An invalid remote is not remembered.
func (t *Table) Note(remote netip.AddrPort, ifindex uint32, local netip.Addr, localIfindex uint32) {
	if !remote.IsValid() {
		return
	}
	k := keyOf(remote, ifindex)
	seen := valueOf(local, localIfindex, uint32(k.id))
	s, h := t.shard(&k)
	s.mu.Lock()
	if e, ok := s.young[h]; !ok || e.remote != k {
		s.add(h, k, seen, t.max)
	} else if local := merge(e.local, seen); local != e.local {
		s.young[h] = entry{k, local}
	}
	s.mu.Unlock()
}

// add makes k, which has the hash h, young, and merges what was seen of it into what is
// known of it. The young map has room for max remotes. The caller holds s.mu.
func (s *shard) add(h uint64, k key, seen value, max int) {
	e, ok := s.old[h]
	if ok {
		delete(s.old, h)
	}
	if e.remote != k {
		e = entry{remote: k}
	}
	if len(s.young) == max {
		s.evicted += uint64(len(s.old))
		clear(s.old) // and used again: a flood of new remotes allocates nothing
		s.young, s.old = s.old, s.young
	}
	if s.young == nil {
		s.young = make(map[uint64]entry)
	}
	e.local = merge(e.local, seen)
	s.young[h] = e
}

// Find returns the local address that remote last wrote to, IPv4 always as IPv4, never with
// a zone inside. The parameters are those of Note. localIfindex is 0 unless local is an IPv6
// link-local address or the unspecified one. If the remote is Unknown or Lost, local is the
// zero Addr.
func (t *Table) Find(remote netip.AddrPort, ifindex uint32) (local netip.Addr, localIfindex uint32, s State) {
	if !remote.IsValid() {
		return netip.Addr{}, 0, Unknown
	}
	k := keyOf(remote, ifindex)
	sh, h := t.shard(&k)
	sh.mu.Lock()
	e, ok := sh.young[h]
	if !ok {
		e = sh.old[h]
	}
	sh.mu.Unlock()
	v := e.local
	switch {
	case e.remote != k:
		return netip.Addr{}, 0, Unknown
	case v.meta&isLost != 0:
		return netip.Addr{}, 0, Lost
	case v.meta&isMany != 0:
		s = Ambiguous
	case v.meta&isKnown != 0:
		s = Known
	default:
		return netip.Addr{}, 0, Unknown
	}
	return address(v.hi, v.lo), uint32(v.meta), s
}

// Usage returns the remotes remembered, roughly the bytes that the Table holds, and how many
// remotes were forgotten to make room.
func (t *Table) Usage() (entries, bytes int, evicted uint64) {
	room := len(t.shards) // each takes as much as an entry
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n := len(s.young) + len(s.old)
		entries += n
		evicted += s.evicted
		if s.evicted > 0 { // both maps have been full, and keep the memory
			n = 2 * t.max
		}
		room += n
		s.mu.Unlock()
	}
	return entries, room * entryBytes, evicted
}

// What a map takes for an entry depends on when it grew last: 84 to 145 bytes, measured from
// a thousand remotes to two million, and this on average.
const entryBytes = 110

// shard returns k's shard and hash. Remotes that have one hash, which nobody can choose
// without the seed, displace each other, and no remote gets another's path.
func (t *Table) shard(k *key) (*shard, uint64) {
	a, b := bits.Mul64(k.hi^t.seed[0], k.lo^t.seed[1])
	h := (a ^ b) + k.id*t.seed[2]
	// The upper bits choose the shard, and by equal steps, as of ports, they alone would not
	// take all values with every seed.
	h ^= h >> 32
	h *= t.seed[0]
	return &t.shards[h>>58&uint64(len(t.shards)-1)], h
}

func keyOf(remote netip.AddrPort, ifindex uint32) key {
	hi, lo := words(remote.Addr())
	k := key{hi, lo, uint64(remote.Port()) << 32}
	if linkLocal(hi) {
		k.id |= uint64(ifindex)
	}
	return k
}

// valueOf returns what a remote shows that writes to local. remoteIfindex is 0 if the
// remote needs no interface.
func valueOf(local netip.Addr, ifindex, remoteIfindex uint32) value {
	if !local.IsValid() {
		return value{meta: isLost}
	}
	hi, lo := words(local)
	v := value{hi, lo, isKnown}
	if linkLocal(hi) || hi|lo == 0 {
		if remoteIfindex != 0 {
			ifindex = remoteIfindex
		}
		v.meta |= uint64(ifindex)
	}
	return v
}

// merge returns what is known of a remote that was seen again, with v being what was known
// before, or the zero value.
func merge(v, seen value) value {
	if seen.meta&isLost != 0 {
		v.meta |= isLost
		return v
	}
	seen.meta |= v.meta & isMany
	if v.meta&isKnown != 0 && (v.hi != seen.hi || v.lo != seen.lo || uint32(v.meta) != uint32(seen.meta)) {
		seen.meta |= isMany
	}
	return seen
}

// linkLocal reports whether an address that begins with hi is in fe80::/10. IPv4 has no
// zones, not even in 169.254.0.0/16.
func linkLocal(hi uint64) bool { return hi>>54 == 0xfe80>>6 }

func words(a netip.Addr) (hi, lo uint64) {
	if a.Is4() { // As16's result is slow to load from
		b := a.As4()
		return 0, 0xffff<<32 | uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

func address(hi, lo uint64) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	return netip.AddrFrom16(b).Unmap()
}
