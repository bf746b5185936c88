package pathmem

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// A shard holds the remotes whose hashes end alike. Its mutex is for those who
// change something; readers do without.
//
// The age of an entry is counted in epochs, and an epoch is a number of new
// remotes, not a time: while no remote comes anew nothing ages, and those that
// repeat themselves leave nothing to write down.
type shard struct {
	mu      sync.Mutex
	array   atomic.Pointer[array] // nil until there is something to hold
	created atomic.Uint64
	evicted atomic.Uint64
}

// paceFor returns the binary logarithm of the number of new remotes in an
// epoch, which is a sixteenth to an eighth of a shard's share of the bound.
func paceFor(share int) int { return bits.Len(uint(share / 16)) }

func (t *Table) epoch(s *shard) uint64 { return s.created.Load() >> t.pace & epochMask }

func (t *Table) shard(k *key) *shard { return &t.shards[k.hash&uint64(len(t.shards)-1)] }

// write merges what was seen of k into what is known of it. The caller holds s.mu.
func (t *Table) write(s *shard, k *key, seen record) {
	a := s.array.Load()
	if p, old, _ := a.find(k); p != nowhere {
		r := merge(k, &old, seen, t.epoch(s))
		a.change(a.entry(p), &old, &r)
		return
	}
	s.created.Add(1)
	r := merge(k, new(record), seen, t.epoch(s))
	if t.reserve() {
		if t.add(s, k, r) {
			return
		}
		t.count.Add(-1)
	}
	s.evicted.Add(1)
	if a = s.array.Load(); a != nil { // or else it is the newcomer who is forgotten
		a.evict(k, t.epoch(s))
		a.insert(&t.seed, k, r)
	}
}

// reserve counts one more remote unless the table is full.
func (t *Table) reserve() bool {
	for {
		n := t.count.Load()
		if n >= t.max {
			return false
		}
		if t.count.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// add puts k into s, for which s may have to grow. It reports false if it would
// have to grow beyond reason. The caller holds s.mu.
func (t *Table) add(s *shard, k *key, r record) bool {
	a := s.array.Load()
	for !a.insert(&t.seed, k, r) {
		if a = a.grown(&t.seed, t.full); a == nil {
			return false
		}
		s.array.Store(a)
	}
	return true
}
