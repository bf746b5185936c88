// Package pathmem remembers to which local address each remote last wrote.
//
// A UDP server bound to the wildcard address that is told nothing but the
// remote's address to send to (WriteToUDPAddrPort, or WriteTo with an address
// rebuilt from a string) no longer knows which of its own addresses the request
// was sent to. A [Table] does, and who notes and asks does so by a [View].
//
// A Table spends 40 bytes on a remote, with everything around them 45 to 60,
// and grows until it holds as many remotes as it was made for. Until then
// nothing is forgotten. From then on a new remote replaces one of a few old
// ones, the one that has been silent for longest. So whoever can forge source
// addresses can have silent remotes forgotten, and can make a remote whose
// address he forges [Ambiguous] or [Lost]; he cannot make the Table larger than
// it may be, nor have a remote forgotten that keeps writing. A Table does not
// shrink.
//
// Reading a Table, and noting what it already knows, takes no lock, writes
// nothing and allocates nothing.
package pathmem

import (
	"math/rand/v2"
	"reflect"
	"sync/atomic"
)

// State says what the local address found for a remote is worth.
type State uint8

const (
	Unknown   State = iota // nothing is remembered of the remote
	Known                  // the remote has written to this local address only
	Ambiguous              // it has written to others too, to this one last
	Lost                   // its last datagram did not tell where it was sent to
)

// A Table is a bounded memory of remotes, made by [New]. Its methods may be
// called from many goroutines at once, and so may those of different Views of it.
type Table struct {
	max    int64
	count  atomic.Int64 // remotes remembered, never more than max
	seed   seed
	pace   int     // an epoch of a shard is 1<<pace new remotes
	full   int     // sets in a shard's array when the table is full
	shards []shard // a power of two of them
}

// With more shards one has less to copy when it grows (16 000 entries and less
// than a millisecond in a table for a million), with fewer a table costs less
// where few remotes write. A shard's share of the bound is large enough that in
// a full table it is empty with a chance of e to the power of -1024 only: a new
// remote that has to replace another will find one.
const (
	maxShards = 64
	minShare  = 1024
)

// New returns an empty Table that remembers up to max remotes. It panics if max
// is not positive.
func New(max int) *Table {
	if max <= 0 {
		panic("pathmem: New needs a positive number of remotes")
	}
	shards := 1
	for shards < maxShards && max/(2*shards) >= minShare {
		shards *= 2
	}
	return newTable(max, shards, seed{rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64()})
}

func newTable(max, shards int, s seed) *Table {
	share := max / shards
	return &Table{
		max:    int64(max),
		seed:   s,
		pace:   paceFor(share),
		full:   setsFor(share),
		shards: make([]shard, shards),
	}
}

// Len returns the number of remotes remembered, at most the bound given to New.
func (t *Table) Len() int { return int(t.count.Load()) }

// Evicted returns how many remotes have been forgotten in favour of others. It
// is zero until Len has reached the bound.
func (t *Table) Evicted() uint64 {
	var n uint64
	for i := range t.shards {
		n += t.shards[i].evicted.Load()
	}
	return n
}

// Bytes returns the memory that the Table holds.
func (t *Table) Bytes() int {
	n := reflect.TypeFor[Table]().Size() + uintptr(len(t.shards))*reflect.TypeFor[shard]().Size()
	for i := range t.shards {
		if a := t.shards[i].array.Load(); a != nil {
			n += reflect.TypeFor[array]().Size()
			n += uintptr(len(a.sets)) * (reflect.TypeFor[tags]().Size() + reflect.TypeFor[set]().Size())
		}
	}
	return int(n)
}
