//go:build linux

package load

import (
	"bytes"
	"encoding/binary"
)

// HeaderLen is the length of what is at the start of each payload:
//
//	0   4  magic
//	4   4  zero
//	8  16  the address that the request was sent to
//	24  8  number of the request
const HeaderLen = 32

const magic = 0x44535255

func putHeader(b, vip []byte, seq uint64) {
	binary.BigEndian.PutUint64(b, magic<<32)
	copy(b[8:24], vip)
	binary.BigEndian.PutUint64(b[24:], seq)
}

// A verdict is what a reply turned out to be.
type verdict uint8

const (
	right verdict = iota
	wrongSource
	wrongPayload
)

// judge holds a reply against where it came from. Source is the address and
// port in the order in which a socket address has them, and want the server's
// port.
func judge(payload, addr []byte, port, want uint16) verdict {
	if len(payload) < HeaderLen || binary.BigEndian.Uint64(payload) != magic<<32 {
		return wrongPayload
	}
	if port != want || !bytes.Equal(payload[8:8+len(addr)], addr) {
		return wrongSource
	}
	return right
}
