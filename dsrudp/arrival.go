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
	unicast4 [1 << arrivalBits]arrival // by the IPv4 address that local has, and nothing else is told
	last     *arrival                  // what the datagram before said, in the same receive
	other    arrival                   // what is not remembered
	run      []byte                    // the control messages that other is from
}

const arrivalBits = 5

// maxRemembered is what Linux says of an IPv4 datagram on a dual-stack socket, with
// its mark, and of a train.
const maxRemembered = 72 + 24 + 24

// arrival returns what the control messages oob of the next datagram say, good
// until the next call. Same reports that those of the datagram before said so too.
func (c *Conn) arrival(r *receiver, oob []byte) (a *arrival, same bool) {
	as := &r.arrivals
	if to, ok := pktinfo.Unicast4(oob); ok && c.parse && !c.guard4 {
		s := source{addr: to}
		a := &as.unicast4[s.slot()]
		if a.local.addr != to {
			*a = arrival{local: s, shown: c.local(&s), seen: pathmem.SightingOf(to, 0)}
			as.last = nil
		}
		same = as.last == a
		as.last = a
		return a, same
	}
	if as.last == &as.other && bytes.Equal(as.run, oob) {
		return &as.other, true // in one receive it does not change
	}
	m := &as.slots[slotOf(oob)]
	if len(oob) > 0 && bytes.Equal(m.oob[:m.n], oob) {
		c.vouch(r.o, &m.local)
		same = as.last == &m.arrival
		as.last = &m.arrival
		return &m.arrival, same
	}
	if c.understand(&as.other, r.o, oob) && len(oob) <= maxRemembered {
		m.n = uint8(copy(m.oob[:], oob))
		m.arrival = as.other
		as.last = &m.arrival
		return &m.arrival, false
	}
	as.last, as.run = &as.other, oob
	return &as.other, false
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
