//go:build !dsrudp_portable

package mmsg

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Msg is the memory of one system call on one message. It is made once, in the heap,
// and used again for call after call, one at a time.
type Msg struct {
	Room [512]byte // for the caller: control messages, received or built

	hdr  unix.Msghdr
	iov  unix.Iovec
	name sockaddr

	sock  *Socket // of the call in progress
	n     int
	errno syscall.Errno

	// The callbacks are made once: one made for each call would be an allocation for each
	// call.
	recv func(fd uintptr) bool
	send func(fd uintptr)
}

// NewMsg returns a Msg for any number of calls.
func NewMsg() *Msg {
	m := new(Msg)
	m.hdr.Name = &m.name[0]
	m.hdr.Iov = &m.iov
	m.hdr.SetIovlen(1)
	m.recv, m.send = m.doRecv, m.doSend
	return m
}

// arm points the header at a call's buffers.
func (m *Msg) arm(s *Socket, b, control []byte) {
	m.sock = s
	m.iov.Base = unsafe.SliceData(b)
	m.iov.SetLen(len(b))
	m.hdr.Control = unsafe.SliceData(control)
	m.hdr.SetControllen(len(control))
}

// disarm drops the caller's memory, of which a pooled Msg is to keep none alive.
func (m *Msg) disarm() {
	m.sock = nil
	m.iov.Base = nil
	m.hdr.Control = nil
}

// Recv receives one datagram into b and its control messages into control, waits for it
// until the read deadline or Close, and stores in r what came. With an error r is not
// changed. The buffers b and control are kept until Recv returns, and escape to the heap.
//
// It is tried in RawConn.Read: RawConn.Control, without deadline and lock, is 0.4 % of an
// echo cheaper, and would have the Socket look at read deadlines itself.
func (s *Socket) Recv(m *Msg, b, control []byte, r *Received) error {
	m.arm(s, b, control)
	m.hdr.Namelen = uint32(len(m.name))
	err := s.raw.Read(m.recv)
	control = control[:m.hdr.Controllen]
	m.disarm()
	if err != nil {
		return unwrap(err)
	}
	if m.errno != 0 {
		return os.NewSyscallError("recvmsg", m.errno)
	}
	raceWrite(b[:m.n])
	raceWrite(control)
	r.N, r.Control, r.Flags = m.n, control, int(m.hdr.Flags)
	m.name.get(m.hdr.Namelen, &r.From)
	return nil
}

// doRecv must try before it returns false: the poller forgets, when a read begins, what
// it was notified of before.
func (m *Msg) doRecv(fd uintptr) bool {
	m.n, m.errno = m.sock.msg(unix.SYS_RECVMSG, fd, &m.hdr, 0)
	return m.errno != unix.EAGAIN
}

// TrySend sends b with the control messages control to the address to, which is ignored
// where the Socket is connected. It tries once, and queues behind no other send: its error
// is ErrWouldBlock where the send buffer has no room. It does not look at the write
// deadline, see WriteExpired. The buffers b and control are kept until it returns, and escape to the
// heap.
func (s *Socket) TrySend(m *Msg, b, control []byte, to *Addr) (int, error) {
	raceRead(b)
	raceRead(control)
	m.arm(s, b, control)
	m.hdr.Namelen = 0 // means that there is no name
	if !s.connected {
		m.hdr.Namelen = m.name.set(s.inet6, to)
	}
	err := s.raw.Control(m.send)
	m.disarm()
	if err != nil {
		return 0, unwrap(err)
	}
	return m.n, sendError("sendmsg", m.errno)
}

func (m *Msg) doSend(fd uintptr) { m.n, m.errno = m.sock.msg(unix.SYS_SENDMSG, fd, &m.hdr, 0) }

// sendError returns the error of a send.
func sendError(call string, errno syscall.Errno) error {
	switch errno {
	case 0:
		return nil
	case unix.EAGAIN:
		return ErrWouldBlock
	}
	return os.NewSyscallError(call, errno)
}

// WaitRoom waits until the send buffer has room, the write deadline or Close. What is
// sent then may find none again, as others send, too.
//
// With a limit of 0 it waits in the poller and holds net's write lock, which no TrySend
// needs. A limit above 0 bounds the wait, in which Close has to wait for up to pollSlice,
// and after which the error is ErrWouldBlock.
func (s *Socket) WaitRoom(limit time.Duration) error {
	if limit > 0 {
		return s.pollRoom(limit)
	}
	return unwrap(s.raw.Write(hasRoom))
}

// hasRoom polls before it returns false: the poller forgets, when a write begins, what it
// was notified of before.
func hasRoom(fd uintptr) bool { return pollOut(fd, 0) }

// pollSlice is how long one poll waits at most. Close waits for it, and the write deadline
// is looked at after it.
const pollSlice = 10 * time.Millisecond

// pollRoom waits in poll(2), by the ordinary system call: it holds a thread, but no
// processor. The poller would not do: it has one write deadline for all callers, and net's
// write lock may be held by one that waits without limit.
func (s *Socket) pollRoom(limit time.Duration) error {
	var slice time.Duration
	var room bool
	poll := func(fd uintptr) { room = pollOut(fd, slice) }
	for end := now() + limit; ; {
		slice = end - now()
		if slice <= 0 {
			return ErrWouldBlock
		}
		if err := s.WriteExpired(); err != nil {
			return err
		}
		slice = min(slice, pollSlice)
		if err := s.raw.Control(poll); err != nil {
			return unwrap(err)
		}
		if room {
			return nil
		}
	}
}

// pollOut waits for room in the send buffer, for so long at most. What is in the error
// queue (IP_RECVERR) is no room, and poll(2) does not wait while there is something.
func pollOut(fd uintptr, timeout time.Duration) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	ms := (timeout + time.Millisecond - 1) / time.Millisecond // a part of one would be a busy loop
	n, err := unix.Poll(fds[:], int(ms))
	if err != nil {
		return err != unix.EINTR
	}
	if n > 0 && fds[0].Revents&^unix.POLLERR == 0 {
		time.Sleep(min(timeout, time.Millisecond)) // also not a busy loop
		return false
	}
	return n > 0
}
