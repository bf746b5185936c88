//go:build linux

package load

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxBatch is the largest number of messages in one system call.
const maxBatch = 64

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// A batch is the memory of one sendmmsg or recvmmsg call.
type batch struct {
	msgs  [maxBatch]mmsghdr
	iovs  [maxBatch]unix.Iovec
	names [maxBatch][unix.SizeofSockaddrInet6]byte
	// control is an array of words for the alignment of struct cmsghdr.
	control [maxBatch][12]uint64
	bufs    [maxBatch][]byte
}

// newBatch returns a batch whose messages have buffers of size bytes.
func newBatch(size int) *batch {
	b := new(batch)
	all := make([]byte, maxBatch*size)
	for i := range b.msgs {
		b.bufs[i] = all[i*size : (i+1)*size : (i+1)*size]
		b.iovs[i].Base = &b.bufs[i][0]
		h := &b.msgs[i].hdr
		h.Name = &b.names[i][0]
		h.Iov = &b.iovs[i]
		h.SetIovlen(1)
	}
	return b
}

// arm makes the batch ready for recvmmsg.
func (b *batch) arm(n int) {
	for i := range n {
		b.iovs[i].SetLen(len(b.bufs[i]))
		b.msgs[i].hdr.Namelen = uint32(len(b.names[i]))
	}
}

// source returns the address and the port that message i came from.
func (b *batch) source(i int) (addr []byte, port uint16) {
	name := &b.names[i]
	port = binary.BigEndian.Uint16(name[2:])
	if b.msgs[i].hdr.Namelen == unix.SizeofSockaddrInet4 {
		return name[4:8], port
	}
	return name[8:24], port
}

// A control builds the control messages of one message in place.
type control struct {
	b []byte
	n int
}

func (b *batch) controlOf(i int) control {
	c := &b.control[i]
	return control{b: unsafe.Slice((*byte)(unsafe.Pointer(c)), unsafe.Sizeof(*c))}
}

// next begins a control message and returns its data.
func (c *control) next(level, typ int32, size int) []byte {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&c.b[c.n]))
	h.Level, h.Type = level, typ
	h.SetLen(unix.CmsgLen(size))
	data := c.b[c.n+unix.CmsgLen(0):][:size]
	c.n += unix.CmsgSpace(size)
	return data
}

// commit gives the control messages to message i.
func (b *batch) commit(i int, c control) {
	h := &b.msgs[i].hdr
	h.SetControllen(c.n)
	if c.n > 0 {
		h.Control = &c.b[0]
	}
}
