package localroute

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

const (
	// period is that of the clock. An answer is good for one to two periods.
	period = time.Second

	// maxAnswers bounds each of the two sets, which take about 4 MB together
	// when full: datagrams may name any number of addresses.
	maxAnswers = 1 << 15
)

// A key is an address or, with fewer than 128 bits, an IPv6 prefix. An IPv4
// address is held as the IPv4-mapped one. It has no pointer: netip.Addr has
// one, which the garbage collector would have to follow.
type key struct {
	hi, lo  uint64
	ifindex uint32 // for link-local IPv6, otherwise 0
	bits    uint32
}

// keyOf returns the key of an address. The interface is part of it only where
// addresses are local to one link: fe80::1 is this host's on one, and another
// host's on the next.
func keyOf(a netip.Addr, ifindex uint32) key {
	b := a.As16()
	k := key{hi: binary.BigEndian.Uint64(b[:8]), lo: binary.BigEndian.Uint64(b[8:]), bits: 128}
	if k.linkLocal() {
		k.ifindex = ifindex
	}
	return k
}

func (k key) linkLocal() bool { return k.hi>>54 == 0xfe80>>6 }

// ranged reports whether a prefix may answer for k. IPv4 has no prefixes here,
// and must not be taken for a part of ::/0. A link-local address means nothing
// without its link.
func (k key) ranged() bool {
	is4 := k.hi == 0 && k.lo>>32 == 0xffff
	return !is4 && !k.linkLocal()
}

// masked returns the prefix of the given length that k lies in.
func (k key) masked(bits uint32) key {
	if bits <= 64 {
		k.hi &= ^uint64(0) << (64 - bits)
		k.lo = 0
	} else {
		k.lo &= ^uint64(0) << (128 - bits)
	}
	k.bits = bits
	return k
}

// An answer is what is known of an address.
type answer struct {
	local     bool
	broadcast bool // it is a subnet's broadcast address

	// iif is the interface as of whose datagrams the address was not local
	// either, 0 if the kernel was only asked without one. Such a no must not
	// keep Received from asking: a rule may make the address local for what
	// arrives on an interface.
	iif uint32

	// bits is the length of the prefix around the address that is local as a
	// whole, or 128 for the address alone, also for IPv4.
	bits uint32
}

// answers are the answers of one tick. Those for prefixes are all yes: a no for
// a prefix, such as that of the default route, would cover local addresses.
type answers struct {
	m       map[key]answer
	lengths []uint32 // of the prefixes in m, each once
}

func (s *answers) covers(k key) bool {
	for _, bits := range s.lengths {
		if _, ok := s.m[k.masked(bits)]; ok {
			return true
		}
	}
	return false
}

// recall returns what is known of k, if anything is, and the number of turns,
// for remember. An answer for the single address precedes that for a prefix.
//
// What is found in old stays there. Moved to young, an answer that is used all
// the time would never expire.
func (t *Table) recall(k key) (known answer, ok bool, turns uint64) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if known, ok = t.young.m[k]; ok {
		return known, true, t.turns
	}
	if known, ok = t.old.m[k]; ok {
		return known, true, t.turns
	}
	if k.ranged() && (t.young.covers(k) || t.old.covers(k)) {
		return answer{local: true}, true, t.turns
	}
	return answer{}, false, t.turns
}

// remember keeps the answer for k that the kernel was asked for after that
// number of turns. An answer that was on its way during a turn is not kept: it
// may be older than the clock allows.
func (t *Table) remember(k key, known answer, turns uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turns != turns {
		return
	}
	if len(t.young.m) >= maxAnswers {
		t.turn() // the oldest are forgotten early
	}
	if t.young.m == nil {
		t.young.m = make(map[key]answer)
	}
	if known.local && known.bits < 128 && k.ranged() {
		// A no for the single address, asked without an interface, ends here.
		delete(t.young.m, k)
		delete(t.old.m, k)
		k = k.masked(known.bits)
		if !slices.Contains(t.young.lengths, k.bits) {
			t.young.lengths = append(t.young.lengths, k.bits)
		}
	}
	t.young.m[k] = known
	if t.timer == nil {
		t.timer = time.AfterFunc(period, t.Tick)
	}
}

// Tick advances the clock by one period: after two every answer is asked for
// anew. The timer calls it. Tests call it instead of waiting.
func (t *Table) Tick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn()
	switch {
	case t.timer == nil:
	case len(t.old.m) == 0:
		t.timer.Stop()
		t.timer = nil
	default:
		t.timer.Reset(period)
	}
}

// turn forgets the old answers. The maps are not used again, so that a large
// one does not stay.
func (t *Table) turn() {
	t.turns++
	t.old, t.young = t.young, answers{}
}
