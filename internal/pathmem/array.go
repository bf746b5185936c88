package pathmem

import (
	"math/bits"
	"sync/atomic"
)

// An array is a hash table in which each key has a place in one of two sets. A
// nil array is an empty one.
//
// Writers take the lock of the shard. Readers take none: they read seq, then
// what they want, then seq again, and what they got is a state the array was in
// if seq was even and is still the same. All words are atomic, so that the
// memory model has nothing against reading them while they change. An array
// replaced by a larger one no longer changes, and what a late reader finds in it
// was true when the reader began. The larger one counts on from its seq, so that in
// a shard no two states have the same.
type array struct {
	seq  atomic.Uint64 // odd while a change is going on
	n    int           // entries in use, for the holder of the lock
	tags []tags        // apart from the sets, so that they stay in the CPU's cache
	sets []set
}

const ways = 8 // entries in a set, a byte of tags for each

type (
	// tags has a byte of the hash for each entry of a set, 0 for a free one.
	// A free entry may hold anything.
	tags struct{ atomic.Uint64 }

	set [ways]entry

	entry struct {
		remote struct{ hi, lo atomic.Uint64 }
		meta   atomic.Uint64
		local  struct{ hi, lo atomic.Uint64 }
	}
)

// pair returns the two sets that k may be in, which differ if there is more
// than one.
func (a *array) pair(k *key) (i, j uint64) {
	n := uint64(len(a.sets))
	i = k.hash >> 32 * n >> 32
	j = i + 1 + k.hash&(1<<32-1)*(n-1)>>32
	if j >= n {
		j -= n
	}
	return i, j
}

func (k *key) tag() uint64 { return max(1, k.hash>>32&0xff) }

// A place is where in an array an entry is.
type place int

const nowhere place = -1

func (a *array) entry(p place) *entry { return &a.sets[p/ways][p%ways] }

// find returns the place of k's entry, nowhere if there is none, and the record in
// it. Both are what they were while seq had the value returned, and are nothing if
// that is odd, as a change was going on. Under the lock it never is.
func (a *array) find(k *key) (p place, r record, seq uint64) {
	if a == nil {
		return nowhere, record{}, 0
	}
	seq = a.seq.Load()
	tag, id := k.tag(), idMask(k.hi)
	i, j := a.pair(k)
	for range 2 {
		for m := a.tags[i].equal(tag); m != 0; m &= m - 1 {
			w := first(m)
			e := &a.sets[i][w]
			if e.remote.lo.Load() == k.lo && e.meta.Load()&id == k.id && e.remote.hi.Load() == k.hi {
				r := e.record()
				return place(i*ways) + place(w), r, a.still(seq)
			}
		}
		i = j
	}
	return nowhere, record{}, a.still(seq)
}

// still returns seq, or an odd number if it has changed.
func (a *array) still(seq uint64) uint64 {
	if a.seq.Load() != seq {
		return changing
	}
	return seq
}

const changing = 1

func (e *entry) key(s *seed) key {
	return s.keyOf(e.remote.hi.Load(), e.remote.lo.Load(), e.meta.Load())
}

func (e *entry) record() record {
	return record{e.meta.Load(), e.local.hi.Load(), e.local.lo.Load()}
}

func (e *entry) store(r record) {
	e.meta.Store(r.meta)
	e.local.hi.Store(r.hi)
	e.local.lo.Store(r.lo)
}

// change replaces the record in e, which is old. What is the same need not be
// stored, which takes a while.
func (a *array) change(e *entry, old, r *record) {
	a.seq.Add(1) // for one word too: else two Views could tell of it in the wrong order
	if r.meta != old.meta {
		e.meta.Store(r.meta)
	}
	if r.hi != old.hi {
		e.local.hi.Store(r.hi)
	}
	if r.lo != old.lo {
		e.local.lo.Store(r.lo)
	}
	a.seq.Add(1)
}

// setTag makes entry w of set i valid, or free with tag 0.
func (a *array) setTag(i uint64, w int, tag uint64) {
	a.seq.Add(1)
	a.tags[i].Store(a.tags[i].Load()&^(0xff<<(8*w)) | tag<<(8*w))
	a.seq.Add(1)
}

// put writes k into a free entry of set i, if there is one.
func (a *array) put(i uint64, k *key, r record) bool {
	free := a.tags[i].equal(0)
	if free == 0 {
		return false
	}
	// No reader looks into a free entry, except one who saw it before it was
	// freed, and who will see from seq that it was.
	w := first(free)
	e := &a.sets[i][w]
	e.remote.hi.Store(k.hi)
	e.remote.lo.Store(k.lo)
	e.store(r)
	a.setTag(i, w, k.tag())
	return true
}

const (
	bytes01 = 0x0101010101010101
	bytes7f = 0x7f7f7f7f7f7f7f7f
	bytes80 = 0x8080808080808080
)

// equal returns a mask with the highest bit of those bytes set that equal tag.
func (t *tags) equal(tag uint64) uint64 {
	x := t.Load() ^ tag*bytes01
	return ^((x&bytes7f + bytes7f) | x | bytes7f)
}

// used returns a mask of the entries in use.
func (t *tags) used() uint64 { return bytes80 &^ t.equal(0) }

// first returns the first entry in a mask that is not 0.
func first(mask uint64) int { return bits.TrailingZeros64(mask) / 8 % ways }
