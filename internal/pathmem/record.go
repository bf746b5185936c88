package pathmem

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Besides the addresses of remote and local, an entry holds one word, meta:
//
//	63..48  port of the remote
//	47..35  epoch of the last Note, see shard
//	34      metaLost: the last datagram had no local address
//	33      metaMany: the remote has written to several local addresses
//	32      metaLocal: the entry has a local address
//	31..0   zone of remote or local, which never are in different ones
const (
	portShift  = 48
	epochShift = 35
	metaLost   = 1 << 34
	metaMany   = 1 << 33
	metaLocal  = 1 << 32

	portMask  = 1<<16 - 1
	epochMask = 1<<13 - 1
	zoneMask  = 1<<32 - 1
)

// A key is a remote as a Table knows it. It is made by a seed.
type key struct {
	hi, lo uint64 // address, IPv4 as IPv4-mapped IPv6
	id     uint64 // port and, if the address is link-local, zone, placed as in meta
	hash   uint64
}

// A seed makes the hashes of a table unpredictable, so that nobody can choose
// remotes that get into each other's way.
type seed [4]uint64

func (s *seed) key(remote netip.AddrPort, zone uint32) key {
	hi, lo := words(remote.Addr())
	return s.keyOf(hi, lo, uint64(remote.Port())<<portShift|uint64(zone))
}

func (s *seed) keyOf(hi, lo, meta uint64) key {
	id := meta & idMask(hi)
	return key{hi, lo, id, fold(fold(hi^s[0], lo^s[1])^s[2], id^s[3])}
}

func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

// idMask returns the bits of meta that identify a remote whose address begins
// with hi.
func idMask(hi uint64) uint64 {
	if linkLocal(hi) {
		return portMask<<portShift | zoneMask
	}
	return portMask << portShift
}

// A record is what is known of a remote: meta and the local address.
type record struct{ meta, hi, lo uint64 }

// merge returns what is known of k after it was seen again, with old being what
// was known before, or the zero record.
func merge(k *key, old *record, seen record, epoch uint64) record {
	r := seen
	if seen.meta&metaLost != 0 {
		r = record{metaLost | old.meta&(metaLocal|zoneMask), old.hi, old.lo}
	}
	if k.id&zoneMask != 0 {
		r.meta &^= zoneMask
	}
	r.meta |= k.id | old.meta&metaMany | epoch<<epochShift
	if old.meta&metaLocal != 0 && (r.hi != old.hi || r.lo != old.lo || uint32(r.meta) != uint32(old.meta)) {
		r.meta |= metaMany
	}
	return r
}

func (r record) state() State {
	switch {
	case r.meta&metaLost != 0:
		return Lost
	case r.meta&metaMany != 0:
		return Ambiguous
	case r.meta&metaLocal != 0:
		return Known
	}
	return Unknown
}

func (r record) local() netip.Addr {
	if r.hi == 0 && r.lo>>32 == mapped>>32 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(r.lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], r.hi)
	binary.BigEndian.PutUint64(b[8:], r.lo)
	return netip.AddrFrom16(b)
}

// zoned reports whether the local address needs a zone to mean anything.
func (r record) zoned() bool { return linkLocal(r.hi) || r.hi|r.lo == 0 }

// linkLocal reports whether an address that begins with hi is in fe80::/10.
// IPv4 has no zones, not even in 169.254.0.0/16.
func linkLocal(hi uint64) bool { return hi>>54 == 0xfe80>>6 }

const mapped = 0xffff << 32 // the lower half of ::ffff:0.0.0.0

// words returns the halves of a as an IPv6 address.
func words(a netip.Addr) (hi, lo uint64) {
	if a.Is4() { // a matter of speed: As16's result is slow to load from
		b := a.As4()
		return 0, mapped | uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}
