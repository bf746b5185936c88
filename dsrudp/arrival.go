package dsrudp

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// An arrival is what the control messages of a datagram say.
type arrival struct {
	local source         // where to answer from; not valid when it could not be known
	shown netip.AddrPort // local as it is shown to callers
	seen  pathmem.Sighting
	orig  netip.Addr // the destination where it is another address than local's
	seg   int        // the length of a train's datagrams
	ecn   ECN
}

// arrivals remembers what control messages said, by their bytes: most datagrams
// are sent to one of few local addresses.
type arrivals struct {
	slots [1 << arrivalBits]struct {
		n   uint8 // bytes of oob; 0 if there is nothing here
		oob [maxRemembered]byte
		arrival
	}
	// unicast4 is for what says no more than an IPv4 address, and of a train the
	// length of its datagrams, by that address.
	unicast4 [1 << arrivalBits]arrivalTo
	other    arrival // what is not remembered
	run      []byte  // the control messages that other is from
}

// arrivalTo is an arrival of arrivals.unicast4.
type arrivalTo struct {
	to uint32 // 0 if there is nothing here
	arrival
}

const arrivalBits = 5

// maxRemembered is what Linux says of an IPv4 datagram on a dual-stack socket, with
// its mark, and of a train.
const maxRemembered = 72 + 24 + 24

// arrival has r.at be what the control messages oob of the next datagram say, good
// until the next call. It reports whether those of the datagram before, in the same
// receive, said so too.
func (c *Conn) arrival(r *receiver, oob []byte) (same bool) {
	as, last := &r.arrivals, r.at
	if to, seg, ok := pktinfo.Unicast4(oob); ok && !c.guard4 {
		m := &as.unicast4[to*0x9e3779b1>>(32-arrivalBits)]
		r.at = &m.arrival
		if m.to != to || m.seg != seg {
			s := source{addr: addr4(to)}
			m.to = to
			m.arrival = arrival{local: s, shown: c.local(&s), seen: pathmem.SightingOf(s.addr, 0), seg: seg}
			return false
		}
		return last == r.at
	}
	if last == &as.other && bytes.Equal(as.run, oob) {
		return true // in one receive it does not change
	}
	m := &as.slots[slotOf(oob)]
	r.at = &m.arrival
	if len(oob) > 0 && bytes.Equal(m.oob[:m.n], oob) {
		c.vouch(r.o, &m.local)
		return last == r.at
	}
	if c.understand(&as.other, r.o, oob) && len(oob) <= maxRemembered {
		m.n = uint8(copy(m.oob[:], oob))
		m.arrival = as.other
		return false
	}
	r.at, as.run = &as.other, oob
	return false
}

// addr4 is the address that Unicast4 calls a.
func addr4(a uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b)
}

func slotOf(oob []byte) uint64 {
	var h uint64
	for ; len(oob) >= 8; oob = oob[8:] {
		h = bits.RotateLeft64(h, 7) ^ binary.NativeEndian.Uint64(oob)
	}
	// In network byte order the bits that neighbours differ in are high ones.
	return (h ^ h>>32) * 0x9e3779b97f4a7c15 >> (64 - arrivalBits)
}

// understand sets a to what oob says. It reports whether those bytes will always
// say that. They do not where an interface is in play, whose name and address may
// change: for link-local addresses, and for groups, where it is the interface's
// address that answers. Nor do they where they do not tell the address to answer
// from, and the routing tables decide.
func (c *Conn) understand(a *arrival, o *op, oob []byte) (always bool) {
	var info pktinfo.Info
	a.local = c.localOf(o, oob, &info)
	a.shown = c.local(&a.local)
	a.seen = pathmem.SightingOf(a.local.addr, a.local.ifindex)
	a.orig = netip.Addr{}
	if info.Dst != a.local.addr {
		a.orig = info.Dst
	}
	a.seg = info.SegmentSize
	a.ecn = ECN(info.ECN)
	return c.parse && info.Local.IsValid() && info.Local == info.Dst && a.local.ifindex == 0
}
