package dsrudp

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// A controlInfo is what the control messages of a datagram say.
type controlInfo struct {
	local source         // where to answer from; not valid when it could not be known
	shown netip.AddrPort // local as it is shown to callers
	seen  pathmem.Sighting
	orig  netip.Addr // the destination where it is another address than local's
	seg   int        // the length of a train's datagrams
	ecn   ECN
}

// A controlCache remembers what control messages said, by their bytes: most datagrams
// are sent to one of few local addresses.
type controlCache struct {
	entries [1 << cacheBits]cacheEntry
	// unicast4 is for what says no more than an IPv4 address, and of a train the
	// length of its datagrams, by that address.
	unicast4    [1 << cacheBits]unicast4Entry
	uncached    controlInfo // what is not remembered
	uncachedOOB []byte      // the control messages that uncached is from
}

type cacheEntry struct {
	n   uint8 // bytes of oob; 0 if there is nothing here
	oob [maxCached]byte
	controlInfo
}

type unicast4Entry struct {
	to uint32 // 0 if there is nothing here
	controlInfo
}

const cacheBits = 5

// maxCached is what Linux says of an IPv4 datagram on a dual-stack socket, with
// its mark, and of a train.
const maxCached = 72 + 24 + 24

// controlInfo has r.info be what the control messages oob of the next datagram say,
// good until the next call. It reports whether those of the datagram before, in the same
// receive, said so too.
func (c *Conn) controlInfo(r *batchReceiver, oob []byte) (same bool) {
	cache, last := &r.cache, r.info
	if to, seg, ok := pktinfo.Unicast4(oob); ok && !c.guard4 {
		m := &cache.unicast4[to*0x9e3779b1>>(32-cacheBits)]
		r.info = &m.controlInfo
		if m.to != to || m.seg != seg {
			s := source{addr: addr4(to)}
			m.to = to
			m.controlInfo = controlInfo{local: s, shown: c.shown(&s), seen: pathmem.SightingOf(s.addr, 0), seg: seg}
			return false
		}
		return last == r.info
	}
	if last == &cache.uncached && bytes.Equal(cache.uncachedOOB, oob) {
		return true // in one receive it does not change
	}
	m := &cache.entries[indexOf(oob)]
	r.info = &m.controlInfo
	if len(oob) > 0 && bytes.Equal(m.oob[:m.n], oob) {
		c.noteLocal(r.o, &m.local)
		return last == r.info
	}
	if c.interpret(&cache.uncached, r.o, oob) && len(oob) <= maxCached {
		m.n = uint8(copy(m.oob[:], oob))
		m.controlInfo = cache.uncached
		return false
	}
	r.info, cache.uncachedOOB = &cache.uncached, oob
	return false
}

// addr4 is the address that Unicast4 calls a.
func addr4(a uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b)
}

func indexOf(oob []byte) uint64 {
	var h uint64
	for ; len(oob) >= 8; oob = oob[8:] {
		h = bits.RotateLeft64(h, 7) ^ binary.NativeEndian.Uint64(oob)
	}
	// In network byte order the bits that neighbours differ in are high ones.
	return (h ^ h>>32) * 0x9e3779b97f4a7c15 >> (64 - cacheBits)
}

// interpret sets a to what oob says. It reports whether those bytes will always
// say that. They do not where an interface is in play, whose name and address may
// change: for link-local addresses, and for groups, where it is the interface's
// address that answers. Nor do they where they do not tell the address to answer
// from, and the routing tables decide.
func (c *Conn) interpret(a *controlInfo, o *op, oob []byte) (always bool) {
	var info pktinfo.Info
	a.local = c.localOf(o, oob, &info)
	a.shown = c.shown(&a.local)
	a.seen = pathmem.SightingOf(a.local.addr, a.local.ifindex)
	a.orig = netip.Addr{}
	if info.Dst != a.local.addr {
		a.orig = info.Dst
	}
	a.seg = info.SegmentSize
	a.ecn = ECN(info.ECN)
	return c.parse && info.Local.IsValid() && info.Local == info.Dst && a.local.ifindex == 0
}
