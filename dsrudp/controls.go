package dsrudp

import (
	"encoding/binary"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// controls has the control messages that make datagrams leave from some of the
// sources in use, so that they need not be written for each datagram. Messages
// point to them until they are sent: what is here stays until tidy. They are never
// those that a request came with, whose interface would override the routing table.
type controls struct {
	slots   [1 << controlBits]control
	crowded bool // a slot was needed for several sources
}

type control struct {
	s   source // not valid if there is nothing here
	oob [pktinfo.SourceSize]byte
	n   uint8 // bytes of oob
}

const controlBits = 5

// of returns the control message for datagrams from s, good until tidy, or nil if
// there is no place for it.
func (cs *controls) of(s *source) []byte {
	m := &cs.slots[s.slot()]
	if m.s != *s {
		if m.s.addr.IsValid() {
			cs.crowded = true
			return nil
		}
		m.s = *s
		m.n = uint8(len(appendNamed(m.oob[:0], s)))
	}
	return m.oob[:m.n:m.n]
}

// tidy makes room for other sources. No message may wait to be sent.
func (cs *controls) tidy() {
	if !cs.crowded {
		return
	}
	cs.crowded = false
	for i := range cs.slots {
		cs.slots[i].s = source{}
	}
}

func (s *source) slot() uint32 {
	var h uint32
	if s.addr.Is4() {
		b := s.addr.As4()
		h = binary.BigEndian.Uint32(b[:])
	} else {
		b := s.addr.As16()
		h = binary.BigEndian.Uint32(b[12:]) ^ binary.BigEndian.Uint32(b[4:])
	}
	return h * 0x9e3779b1 >> (32 - controlBits)
}
