//go:build !dsrudp_portable

package mmsg

import (
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Flags of a received message, see recvmsg(2).
const (
	FlagTrunc  = unix.MSG_TRUNC  // the payload was longer than the buffer
	FlagCtrunc = unix.MSG_CTRUNC // control messages were cut or left out

	FlagErrQueue = unix.MSG_ERRQUEUE // of a message: it comes from the error queue
)

// Msg is the memory one system call works on: message header, one buffer's
// address and length, and the remote address. It is made once, in the heap,
// and used again for call after call; a Msg serves one call at a time.
type Msg struct {
	// Gen is the generation that what is sent next is right for, see Socket.Heed. It is
	// to be asked for before what depends on it is.
	Gen uint64

	hdr  unix.Msghdr
	iov  unix.Iovec
	name sockaddr

	sock     *Socket // of the call in progress
	n        int
	errno    syscall.Errno
	outdated bool // what was to be sent
	// waits says that the last receive had to wait. The next one probably will too.
	waits bool
	// The callbacks are made once: one made for each call would be an allocation for
	// each call.
	recvmsg func(fd uintptr) bool
	sendmsg func(fd uintptr) bool
	inTurn  func(fd uintptr) bool
}

// NewMsg returns a Msg for any number of calls.
func NewMsg() *Msg {
	m := new(Msg)
	m.Init()
	return m
}

// Init prepares a Msg that is part of another object in the heap. The object
// must not be copied afterwards.
func (m *Msg) Init() {
	m.hdr.Name = &m.name[0]
	m.hdr.Iov = &m.iov
	m.hdr.SetIovlen(1)
	m.recvmsg = m.callback(unix.SYS_RECVMSG)
	m.sendmsg = m.callback(unix.SYS_SENDMSG)
	m.inTurn = m.send
}

// callback returns what makes the system call and reports false where it has to
// wait. It does the work of Socket.call itself: with one call more around each
// system call an echo was seen to take half a percent longer.
func (m *Msg) callback(trap uintptr) func(fd uintptr) bool {
	return func(fd uintptr) bool {
		for {
			var n uintptr
			if m.sock.plain {
				n, _, m.errno = syscall.Syscall6(trap, fd, uintptr(unsafe.Pointer(&m.hdr)), unix.MSG_DONTWAIT, 0, 0, 0)
			} else {
				n, _, m.errno = syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(&m.hdr)), unix.MSG_DONTWAIT, 0, 0, 0)
			}
			switch m.errno {
			case unix.EINTR:
				continue
			case unix.EAGAIN:
				if trap == unix.SYS_RECVMSG {
					m.waits = true
				}
				return false
			}
			m.n = int(n)
			return true
		}
	}
}

// send calls m.sendmsg, unless what it is to send is outdated: net has it wait until
// those who came before have sent, and where there is no room.
func (m *Msg) send(fd uintptr) bool {
	m.outdated = m.Gen != m.sock.Generation()
	return m.outdated || m.sendmsg(fd)
}

// arm points the header at a call's buffers.
func (m *Msg) arm(b, oob []byte) {
	m.iov.Base = unsafe.SliceData(b)
	m.iov.SetLen(len(b))
	m.hdr.Control = unsafe.SliceData(oob)
	m.hdr.SetControllen(len(oob))
	m.errno, m.outdated = 0, false
}

// disarm lets go of the caller's memory, so that a pooled Msg keeps none of it
// alive.
func (m *Msg) disarm() {
	m.iov.Base = nil
	m.hdr.Control = nil
}

// Recv receives one datagram into b and its control messages into oob, waiting
// for it until the read deadline or Close, and sets r to what came. With an error
// r is not changed.
//
// B and oob are kept until Recv returns and must be in the heap.
func (s *Socket) Recv(m *Msg, b, oob []byte, r *Received) error {
	m.arm(b, oob)
	m.hdr.Namelen = uint32(len(m.name))
	m.sock = s
	err := s.read(m)
	oobn := int(m.hdr.Controllen)
	m.disarm()
	if err != nil {
		return unwrap(err)
	}
	if m.errno != 0 {
		return os.NewSyscallError("recvmsg", m.errno)
	}
	raceWrite(b[:m.n])
	raceWrite(oob[:oobn])
	r.N, r.OOBN, r.Flags = m.n, oobn, int(m.hdr.Flags)
	r.From, r.Scope = m.name.remote(m.hdr.Namelen)
	return nil
}

// Send sends b with the control messages oob to the remote address to, or, when
// that is nil, to the connected peer. Scope is the interface index of a
// link-local remote address, else 0. Where the send buffer is full it waits for
// room until the write deadline or Close. It returns ErrOutdated where it waited and
// what it was given may be right no longer.
//
// B and oob are kept until Send returns and must be in the heap.
func (s *Socket) Send(m *Msg, b, oob []byte, to *netip.AddrPort, scope uint32) (int, error) {
	raceRead(b)
	raceRead(oob)
	m.arm(b, oob)
	m.hdr.Namelen = 0 // means that there is no name
	if to != nil {
		m.hdr.Namelen = m.name.set(s.inet6, to, scope)
	}
	m.sock = s
	err := s.write(m)
	m.disarm()
	switch {
	case err != nil:
		return 0, unwrap(err)
	case m.outdated:
		return 0, ErrOutdated
	case m.errno != 0:
		return 0, os.NewSyscallError("sendmsg", m.errno)
	}
	return m.n, nil
}

// read calls m.recvmsg. Whether the gate is worth a try is a guess: where the
// datagram is not there, net tries again before it waits, and one system call was
// wasted.
func (s *Socket) read(m *Msg) error {
	if g := &s.life.reads; !m.waits && g.enter() {
		ok := m.recvmsg(s.life.fd)
		g.leave()
		if ok {
			return nil
		}
	}
	m.waits = false
	return s.raw.Read(m.recvmsg)
}

// write calls m.sendmsg.
func (s *Socket) write(m *Msg) error {
	if g := &s.life.writes; g.enter() {
		ok := m.sendmsg(s.life.fd)
		g.leave()
		if ok {
			return nil
		}
	}
	return s.raw.Write(m.inTurn)
}
