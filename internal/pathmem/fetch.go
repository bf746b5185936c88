package pathmem

// crowd is the number of remotes from which on a Table is too large to be found in
// the processor's caches.
const crowd = 1 << 12

// Fetch prepares for See of many Views of t at once, each of which has met its
// remote. In a large Table each would have to wait for main memory, twice, by
// itself; asked for one after the other, without looking at what comes, all wait at
// the same time.
func (t *Table) Fetch(vs []View) {
	if t.Len() < crowd {
		return
	}
	for i := range vs {
		if a := vs[i].unknown(); a != nil {
			i, j := a.pair(&vs[i].key)
			a.tags[i].Load()
			a.tags[j].Load()
		}
	}
	for i := range vs {
		if a := vs[i].unknown(); a != nil {
			vs[i].entry = a.likely(&vs[i].key)
		}
	}
	for i := range vs {
		if e := vs[i].entry; e != nil && vs[i].array == nil {
			e.remote.hi.Load() // an entry may lie in two
			e.local.lo.Load()  // lines of the cache
		}
	}
}

// likely returns the entry that k is in, if it is in one, and is rarely wrong.
func (a *array) likely(k *key) *entry {
	i, j := a.pair(k)
	tag := k.tag()
	m := a.tags[i].equal(tag)
	if m == 0 {
		i, m = j, a.tags[j].equal(tag)
	}
	if m == 0 {
		return nil
	}
	return &a.sets[i][first(m)]
}

// unknown returns where v has to look up its remote, nil if it need not, has none,
// or there is nothing.
func (v *View) unknown() *array {
	if v.shard == nil || v.array != nil {
		return nil
	}
	return v.shard.array.Load()
}
