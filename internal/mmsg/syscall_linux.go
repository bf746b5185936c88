package mmsg

import (
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Every call says MSG_DONTWAIT and never trusts O_NONBLOCK: the flag sits on
// the open file description, and (*os.File).Fd on a duplicate clears it for
// all. A raw call that then blocked would hold its processor against the
// garbage collector for ever.

// What a seccomp filter forbids this process, or an emulated kernel lacks. Single
// calls do its work.
var noRecvmmsg, noSendmmsg atomic.Bool

// recvmmsg receives up to len(hdrs) datagrams and returns how many.
func (s *Socket) recvmmsg(fd uintptr, hdrs []mmsghdr, flags int) (int, syscall.Errno) {
	if noRecvmmsg.Load() {
		return s.recvEach(fd, hdrs, flags)
	}
	for {
		n, errno := s.mmsg(unix.SYS_RECVMMSG, fd, hdrs, flags)
		switch errno {
		case 0:
			return n, 0
		case unix.EINTR:
			continue
		case unix.ENOSYS, unix.EPERM:
			if s.forbidden(unix.SYS_RECVMMSG, fd, errno) {
				noRecvmmsg.Store(true)
				return s.recvEach(fd, hdrs, flags)
			}
		}
		return 0, errno
	}
}

// sendmmsg sends up to len(hdrs) messages and returns how many went. An error is
// the first one's, and none went.
func (s *Socket) sendmmsg(fd uintptr, hdrs []mmsghdr, flags int) (int, syscall.Errno) {
	if len(hdrs) == 1 || noSendmmsg.Load() {
		return s.sendOne(fd, &hdrs[0], flags)
	}
	for {
		n, errno := s.mmsg(unix.SYS_SENDMMSG, fd, hdrs, flags)
		switch errno {
		case 0:
			return n, 0
		case unix.EINTR:
			continue
		case unix.ENOSYS, unix.EPERM:
			// EPERM is also what netfilter says to a datagram.
			if s.forbidden(unix.SYS_SENDMMSG, fd, errno) {
				noSendmmsg.Store(true)
				return s.sendOne(fd, &hdrs[0], flags)
			}
		}
		return 0, errno
	}
}

// forbidden reports whether a system call that failed with errno does not exist
// here, or is kept from this process by a seccomp filter. Asked for no messages
// the kernel has nothing else to refuse.
func (s *Socket) forbidden(trap, fd uintptr, errno syscall.Errno) bool {
	if errno == unix.ENOSYS {
		return true
	}
	_, _, errno = syscall.RawSyscall6(trap, fd, 0, 0, unix.MSG_DONTWAIT, 0, 0)
	return errno == unix.EPERM
}

// recvEach is recvmmsg made of single calls.
func (s *Socket) recvEach(fd uintptr, hdrs []mmsghdr, flags int) (n int, _ syscall.Errno) {
	for n < len(hdrs) {
		k, errno := s.msg(unix.SYS_RECVMSG, fd, &hdrs[n].hdr, flags)
		switch errno {
		case 0:
			hdrs[n].n = uint32(k)
			n++
			continue
		case unix.EINTR:
			continue
		}
		if n > 0 {
			return n, 0 // an error that is not EAGAIN is lost, as it may be with recvmmsg
		}
		return 0, errno
	}
	return n, 0
}

// sendOne sends one message with sendmsg, which takes a little less time than a
// batch of one.
func (s *Socket) sendOne(fd uintptr, h *mmsghdr, flags int) (int, syscall.Errno) {
	for {
		n, errno := s.msg(unix.SYS_SENDMSG, fd, &h.hdr, flags)
		switch errno {
		case 0:
			h.n = uint32(n)
			return 1, 0
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}

// mmsg makes a system call on several messages: a raw one, unless plain ones
// were asked for.
func (s *Socket) mmsg(trap, fd uintptr, hdrs []mmsghdr, flags int) (int, syscall.Errno) {
	p, n, f := unsafe.Pointer(unsafe.SliceData(hdrs)), uintptr(len(hdrs)), uintptr(flags|unix.MSG_DONTWAIT)
	if s.plain {
		r, _, errno := syscall.Syscall6(trap, fd, uintptr(p), n, f, 0, 0)
		return int(r), errno
	}
	r, _, errno := syscall.RawSyscall6(trap, fd, uintptr(p), n, f, 0, 0)
	return int(r), errno
}

// msg makes a system call on one message.
func (s *Socket) msg(trap, fd uintptr, hdr *unix.Msghdr, flags int) (int, syscall.Errno) {
	if s.plain {
		r, _, errno := syscall.Syscall(trap, fd, uintptr(unsafe.Pointer(hdr)), uintptr(flags|unix.MSG_DONTWAIT))
		return int(r), errno
	}
	r, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(hdr)), uintptr(flags|unix.MSG_DONTWAIT))
	return int(r), errno
}
