package localroute

import (
	"slices"
	"time"
)

// Bounds of what a Table remembers, about 10 MB together. Datagrams can be sent
// to any number of addresses of a host that routes a whole range to itself.
const (
	maxPrefixes = 1 << 16
	maxReceived = 1 << 15 // in each of the two sets
)

// What a Table remembers of an address.
type memory int

const (
	unknown memory = iota
	fading         // local, but gone at the next tick unless received again
	known          // local for as long as the generation lasts
)

func (t *Table) recall(k key) memory {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.prefixes[k] {
		return known
	}
	if k.ranged() {
		for _, bits := range t.lengths {
			if t.prefixes[k.masked(bits)] {
				return known
			}
		}
	}
	if _, ok := t.received[k]; ok {
		return known
	}
	if _, ok := t.earlier[k]; ok {
		return fading
	}
	return unknown
}

// solid returns what is remembered of a range, if anything is.
func (t *Table) solid(p key) (solid, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	solid, ok = t.prefixes[p]
	return solid, ok
}

// remember keeps what the kernel was asked under generation gen, and reports
// whether it did. An answer of an earlier generation is not kept: the
// notification that ends it may have been read while it was under way.
func (t *Table) remember(k key, local bool, gen uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.deaf || t.gen.Load() != gen {
		return false
	}
	if len(t.prefixes) >= maxPrefixes {
		clear(t.prefixes)
		t.lengths = t.lengths[:0]
	}
	t.prefixes[k] = local
	if k.bits < 128 && !slices.Contains(t.lengths, k.bits) {
		t.lengths = append(t.lengths, k.bits)
	}
	return true
}

// reset voids all that notifications guard.
func (t *Table) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gen.Store(generations.Add(1))
	t.prefixes = make(map[key]bool)
	t.lengths = t.lengths[:0]
}

// resetTwice voids all that notifications guard, now and again when what was
// announced has surely been done. It must be called by one goroutine only.
func (t *Table) resetTwice() {
	t.reset()
	const settle = time.Second
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.settler == nil {
		t.settler = time.AfterFunc(settle, t.reset)
	} else {
		t.settler.Reset(settle)
	}
}

// deafen makes the Table rely on the clock alone from now on.
func (t *Table) deafen() {
	t.mu.Lock()
	t.deaf = true
	t.mu.Unlock()
	t.reset()
}

// note takes k as received.
func (t *Table) note(k key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.received) >= maxReceived {
		t.turn() // the oldest are forgotten early
	}
	if t.received == nil {
		t.received = make(map[key]struct{})
	}
	t.received[k] = struct{}{}
	t.arm()
}

// expire has what Memos were given under this generation end by the clock.
func (t *Table) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.arm()
}

func (t *Table) arm() {
	if t.ticker == nil {
		t.ticker = time.AfterFunc(ReceivedFor, t.tick)
	}
}

// tick runs only while there is something to forget.
func (t *Table) tick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ticker = nil
	t.turn()
	if len(t.earlier) > 0 {
		t.arm()
	}
}

// turn forgets what was received before the last turn, and changes the
// generation, so that what is received again comes past the Memos to say so.
// The prefixes remain.
func (t *Table) turn() {
	t.gen.Store(generations.Add(1))
	t.earlier, t.received = t.received, nil
}

// stop forgets everything. A timer that is still armed finds nothing to do.
func (t *Table) stop() {
	t.deafen()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.received, t.earlier = nil, nil
}
