package localroute

const memoBits = 6

// Memo is a small memory of addresses that a [Table] found local, owned by its
// caller and used by one goroutine at a time. The zero value is empty. Each
// address has one place in it, where it may be pushed out by another. What a
// Memo holds is void as soon as its Table learns of a change, and it may be
// used with several Tables: one's answers are never taken for another's.
type Memo struct {
	entries [1 << memoBits]memoEntry
}

type memoEntry struct {
	key key
	gen uint64 // generations start at 1: a zero entry matches none
}

// slot mixes the whole address, as the addresses of one range of VIPs differ
// only at the end, and those of SLAAC hosts in the middle.
func (k *key) slot() uint64 {
	const odd = 0x9e3779b97f4a7c15
	h := (k.hi ^ uint64(k.index)) * odd
	h = (h ^ h>>32 ^ k.lo) * odd
	return (h ^ h>>29) * odd >> (64 - memoBits)
}

func (m *Memo) has(k key, gen uint64) bool {
	if m == nil {
		return false
	}
	e := &m.entries[k.slot()]
	return e.gen == gen && e.key == k
}

func (m *Memo) put(k key, gen uint64) {
	if m != nil {
		m.entries[k.slot()] = memoEntry{k, gen}
	}
}
