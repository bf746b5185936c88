package pathmem

// Fetch prepares for See of many Views of t at once, each of which has met its
// remote, or nobody. In a Table that is larger than the processor's caches each
// would have to wait for main memory, twice, by itself; asked for one after the
// other, without looking at what comes, all wait at the same time.
func (t *Table) Fetch(vs []View) {
	for i := range vs {
		if a := vs[i].unasked(); a != nil {
			i, j := a.pair(&vs[i].key)
			a.tags[i].Load()
			a.tags[j].Load()
		}
	}
	for i := range vs {
		if a := vs[i].unasked(); a != nil {
			vs[i].place = a.likely(&vs[i].key)
		}
	}
	for i := range vs {
		a, p := vs[i].unasked(), vs[i].place
		if a != nil && p != nowhere && int(p/ways) < len(a.sets) { // it may be another array by now
			e := a.entry(p)
			e.remote.hi.Load() // an entry may lie in two
			e.local.lo.Load()  // lines of the cache
		}
	}
}

// likely returns the place that k is in, if it is in one, and is rarely wrong.
func (a *array) likely(k *key) place {
	i, j := a.pair(k)
	tag := k.tag()
	m := a.tags[i].equal(tag)
	if m == 0 {
		i, m = j, a.tags[j].equal(tag)
	}
	if m == 0 {
		return nowhere
	}
	return place(i*ways) + place(first(m))
}

// unasked returns the array that v has to look its remote up in, nil if it has none,
// or has asked before, or there is nothing.
func (v *View) unasked() *array {
	if v.shard == nil || v.seq != changing {
		return nil
	}
	return v.shard.array.Load()
}
