//go:build !dsrudp_portable

package mmsg

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Every call has MSG_DONTWAIT and none trusts O_NONBLOCK: that is a flag of the open file
// description, and (*os.File).Fd of a duplicate clears it for all. A raw call that blocked
// then would keep its processor, and the garbage collector would wait for it for ever.

// Whether a seccomp filter forbids the call, or an emulated kernel lacks it (K7.4). Single
// calls do its work.
var noRecvmmsg, noSendmmsg atomic.Bool

// recvmmsg receives up to len(hdrs) datagrams and returns how many.
func (s *Socket) recvmmsg(fd uintptr, hdrs []mmsghdr, flags int) (int, syscall.Errno) {
	if len(hdrs) > 1 && !noRecvmmsg.Load() {
		n, errno := s.mmsg(unix.SYS_RECVMMSG, fd, hdrs, flags)
		if !forbidden(unix.SYS_RECVMMSG, fd, errno) {
			return n, errno
		}
		noRecvmmsg.Store(true)
	}
	return s.recvEach(fd, hdrs, flags)
}

// sendmmsg sends up to len(hdrs) messages and returns how many were sent. An error is that
// of the first, and none was sent.
func (s *Socket) sendmmsg(fd uintptr, hdrs []mmsghdr, flags int) (int, syscall.Errno) {
	if len(hdrs) > 1 && !noSendmmsg.Load() {
		n, errno := s.mmsg(unix.SYS_SENDMMSG, fd, hdrs, flags)
		if !forbidden(unix.SYS_SENDMMSG, fd, errno) {
			return n, errno
		}
		noSendmmsg.Store(true)
	}
	return s.sendOne(fd, &hdrs[0], flags)
}

// forbidden reports whether a system call that failed with errno does not exist here, or
// is forbidden by a seccomp filter. EPERM is also netfilter's error for a datagram, but
// asked to move no messages the kernel has nothing else to refuse.
func forbidden(trap, fd uintptr, errno syscall.Errno) bool {
	switch errno {
	case unix.ENOSYS:
		return true
	case unix.EPERM:
		_, _, errno = syscall.RawSyscall6(trap, fd, 0, 0, unix.MSG_DONTWAIT, 0, 0)
		return errno == unix.EPERM
	}
	return false
}

// recvEach is recvmmsg made of single calls.
func (s *Socket) recvEach(fd uintptr, hdrs []mmsghdr, flags int) (int, syscall.Errno) {
	for n := range hdrs {
		k, errno := s.msg(unix.SYS_RECVMSG, fd, &hdrs[n].hdr, flags)
		if errno != 0 && n > 0 {
			return n, 0 // an error that is not EAGAIN is lost, as it may be with recvmmsg
		}
		if errno != 0 {
			return 0, errno
		}
		hdrs[n].n = uint32(k)
	}
	return len(hdrs), 0
}

// sendOne sends one message with sendmsg.
func (s *Socket) sendOne(fd uintptr, h *mmsghdr, flags int) (int, syscall.Errno) {
	n, errno := s.msg(unix.SYS_SENDMSG, fd, &h.hdr, flags)
	if errno != 0 {
		return 0, errno
	}
	h.n = uint32(n)
	return 1, 0
}

// mmsg makes a system call on several messages.
func (s *Socket) mmsg(trap, fd uintptr, hdrs []mmsghdr, flags int) (int, syscall.Errno) {
	return s.call(trap, fd, unsafe.Pointer(unsafe.SliceData(hdrs)), uintptr(len(hdrs)), uintptr(flags|unix.MSG_DONTWAIT))
}

// msg makes a system call on one message.
func (s *Socket) msg(trap, fd uintptr, hdr *unix.Msghdr, flags int) (int, syscall.Errno) {
	return s.call(trap, fd, unsafe.Pointer(hdr), uintptr(flags|unix.MSG_DONTWAIT), 0)
}

// call makes a system call: a raw one, unless the Socket is plain. It returns 0 with an
// error, and makes the call again when a signal interrupted it.
func (s *Socket) call(trap, fd uintptr, p unsafe.Pointer, x, y uintptr) (int, syscall.Errno) {
	for {
		var n uintptr
		var errno syscall.Errno
		if s.plain {
			n, _, errno = syscall.Syscall6(trap, fd, uintptr(p), x, y, 0, 0)
		} else {
			n, _, errno = syscall.RawSyscall6(trap, fd, uintptr(p), x, y, 0, 0)
		}
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
