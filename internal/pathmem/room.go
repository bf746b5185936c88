package pathmem

import (
	"math/bits"
	"slices"
)

// newArray returns an array of n sets, or of a few more where the allocator
// would hand out the memory for them anyway.
func newArray(n int) *array {
	s := slices.Grow([]set(nil), n)
	s = s[:cap(s)]
	clear(s)
	return &array{tags: make([]tags, len(s)), sets: s}
}

// setsFor returns the number of sets for n entries. An array rarely finds no
// room for another before it is filled to 13/14.
func setsFor(n int) int { return n*14/13/ways + 1 }

// insert puts k, which is not in a, into one of its sets: the emptier one. If
// both are full, another key of theirs may be able to move to its other set. It
// reports false if none is.
func (a *array) insert(s *seed, k *key, r record) bool {
	if a == nil {
		return false
	}
	i, j := a.pair(k)
	if bits.OnesCount64(a.tags[i].used()) > bits.OnesCount64(a.tags[j].used()) {
		i, j = j, i
	}
	if a.put(i, k, r) || a.relieve(i, s) && a.put(i, k, r) || a.relieve(j, s) && a.put(j, k, r) {
		a.n++
		return true
	}
	return false
}

// relieve frees an entry of set i, which is full, by moving it to its other
// set. For a moment the key is in both, but never in none.
func (a *array) relieve(i uint64, s *seed) bool {
	for w := range ways {
		e := &a.sets[i][w]
		k := e.key(s)
		to, other := a.pair(&k)
		if to == i {
			to = other
		}
		if a.put(to, &k, e.record()) {
			a.setTag(i, w, 0)
			return true
		}
	}
	return false
}

// grown returns a copy of a with room for more entries: a fifth more, but no
// more than full sets before these are known to be too few. It returns nil when
// three quarters of the copy would be empty. With good hashes it does not come
// to that; with others memory must have a bound, too.
func (a *array) grown(s *seed, full int) *array {
	if a == nil {
		return newArray(1)
	}
	n := len(a.sets)
	if n < full {
		n = min(n+n/5+1, full)
	} else {
		n += n/16 + 1
	}
	for ; n*ways <= 4*a.n; n += n/16 + 1 {
		b := newArray(n)
		if a.copyTo(b, s) {
			b.seq.Store(a.seq.Load() + 2)
			return b
		}
	}
	return nil
}

func (a *array) copyTo(b *array, s *seed) bool {
	for i := range a.sets {
		for m := a.tags[i].used(); m != 0; m &= m - 1 {
			e := &a.sets[i][first(m)]
			if k := e.key(s); !b.insert(s, &k, e.record()) {
				return false
			}
		}
	}
	return true
}

// evict frees the oldest entry of the two sets of k, or of the nearest sets
// that are not empty: there is room for k then. There must be one such set.
func (a *array) evict(k *key, epoch uint64) {
	i, j := a.pair(k)
	for !a.evictOldest(i, j, epoch) {
		i, j = (i+1)%uint64(len(a.sets)), (j+1)%uint64(len(a.sets))
	}
	a.n--
}

func (a *array) evictOldest(i, j, epoch uint64) bool {
	var set uint64
	way, oldest := -1, uint64(0)
	for _, i := range [2]uint64{i, j} {
		for m := a.tags[i].used(); m != 0; m &= m - 1 {
			w := first(m)
			age := (epoch - a.sets[i][w].meta.Load()>>epochShift) & epochMask
			if way < 0 || age > oldest {
				set, way, oldest = i, w, age
			}
		}
	}
	if way >= 0 {
		a.setTag(set, way, 0)
	}
	return way >= 0
}
