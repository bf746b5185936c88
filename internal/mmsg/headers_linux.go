//go:build !dsrudp_portable

package mmsg

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sockaddr has room for a sockaddr_in or a sockaddr_in6, see ip(7) and ipv6(7). Family
// and scope are in the host's byte order, the port in the network's.
type sockaddr [unix.SizeofSockaddrInet6]byte

// set writes to and returns the length for the kernel.
func (s *sockaddr) set(inet6 bool, to *Addr) uint32 {
	binary.BigEndian.PutUint16(s[2:], to.AddrPort.Port())
	if !inet6 {
		binary.NativeEndian.PutUint16(s[0:], unix.AF_INET)
		a := to.AddrPort.Addr().As4()
		copy(s[4:], a[:])
		clear(s[8:unix.SizeofSockaddrInet4])
		return unix.SizeofSockaddrInet4
	}
	binary.NativeEndian.PutUint16(s[0:], unix.AF_INET6)
	clear(s[4:8])                  // flow information
	a := to.AddrPort.Addr().As16() // which maps IPv4
	copy(s[8:], a[:])
	binary.NativeEndian.PutUint32(s[24:], to.Ifindex)
	return unix.SizeofSockaddrInet6
}

// get stores in a the address in a name of n bytes. A datagram may come without one: n is 0
// then, and the name that of an earlier datagram. (Stores through pointers, here and in the
// callers, cost an echo 1 % less than a result that is copied.)
func (s *sockaddr) get(n uint32, a *Addr) {
	if n == 0 {
		*a = Addr{}
		return
	}
	port := binary.BigEndian.Uint16(s[2:])
	if binary.NativeEndian.Uint16(s[0:]) == unix.AF_INET {
		a.AddrPort, a.Ifindex = netip.AddrPortFrom(netip.AddrFrom4([4]byte(s[4:8])), port), 0
		return
	}
	ip := netip.AddrFrom16([16]byte(s[8:24])).Unmap()
	a.AddrPort, a.Ifindex = netip.AddrPortFrom(ip, port), binary.NativeEndian.Uint32(s[24:])
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32 // bytes of payload transferred
}

// headers are the memory of several messages. What a call does not change is not written
// again.
type headers struct {
	hdrs    []mmsghdr
	names   []sockaddr
	vectors [][]unix.Iovec
	room    int    // bytes for control messages, of each message
	control []byte // of all
}

// newHeaders returns headers of n messages, each with vectors for that many pieces of
// memory to begin with and with room for control messages.
func newHeaders(n, vectors, room int) headers {
	room = (room + 7) &^ 7 // where control messages may start
	hs := headers{
		hdrs:    make([]mmsghdr, n),
		names:   make([]sockaddr, n),
		vectors: make([][]unix.Iovec, n),
		room:    room,
		control: make([]byte, n*room),
	}
	all := make([]unix.Iovec, n*vectors)
	for i := range hs.hdrs {
		hs.hdrs[i].hdr.Name = &hs.names[i][0]
		hs.hdrs[i].hdr.Control = unsafe.SliceData(hs.controlRoom(i))
		hs.vectors[i] = all[i*vectors:][:0:vectors]
	}
	return hs
}

func (hs *headers) controlRoom(i int) []byte { return hs.control[i*hs.room:][:hs.room:hs.room] }

// append adds p to the memory of message i's payload.
func (hs *headers) append(i int, p []byte) {
	v := unix.Iovec{Base: unsafe.SliceData(p)}
	v.SetLen(len(p))
	old := hs.vectors[i]
	hs.vectors[i] = append(old, v)
	if len(old) == cap(old) {
		clear(old) // its array is a part of a larger one, and would keep memory alive
	}
	h := &hs.hdrs[i].hdr
	h.Iov = unsafe.SliceData(hs.vectors[i])
	h.SetIovlen(len(hs.vectors[i]))
}

// release drops the memory of message i's payload.
func (hs *headers) release(i int) {
	clear(hs.vectors[i])
	hs.vectors[i] = hs.vectors[i][:0]
	hs.hdrs[i].hdr.SetIovlen(0)
}
