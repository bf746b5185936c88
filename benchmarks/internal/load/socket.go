//go:build linux

package load

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// buffer is the size in bytes requested for each client socket's buffers. An
// ordinary user gets less, which is enough for every window.
const buffer = 4 << 20

// open returns the client sockets for l, and opens them the first time.
func (g *Generator) open(l *Load) (fds []unix.PollFd, err error) {
	if fds, ok := g.sockets[l.Port]; ok {
		return fds, nil
	}
	for range l.Sockets {
		fd, err := openOne(l)
		if err != nil {
			closeAll(fds)
			return nil, fmt.Errorf("load: client socket %d: %w", len(fds)+1, err)
		}
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if g.sockets == nil {
		g.sockets = make(map[int][]unix.PollFd)
	}
	g.sockets[l.Port] = fds
	return fds, nil
}

// Close closes all sockets.
func (g *Generator) Close() {
	for _, fds := range g.sockets {
		closeAll(fds)
	}
	g.sockets = nil
}

func closeAll(fds []unix.PollFd) {
	for _, fd := range fds {
		unix.Close(int(fd.Fd))
	}
}

func openOne(l *Load) (fd int, err error) {
	family := unix.AF_INET
	if l.IPv6 {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	type option struct{ level, name, value int }
	options := []option{{unix.SOL_SOCKET, unix.SO_RCVBUF, buffer}, {unix.SOL_SOCKET, unix.SO_SNDBUF, buffer}}
	if l.Segments > 1 {
		options = append(options, option{unix.IPPROTO_UDP, unix.UDP_GRO, 1})
	}
	if l.Clients > 1 && l.IPv6 {
		// No interface owns the clients' addresses.
		options = append(options, option{unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1})
	}
	for _, o := range options {
		if err = unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			unix.Close(fd)
			return 0, fmt.Errorf("option %d of level %d: %w", o.name, o.level, err)
		}
	}
	if err = unix.Bind(fd, bindTo(l)); err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("bind: %w", err)
	}
	return fd, nil
}

// bindTo returns the address of a client socket: none of the VIPs, so that a
// server that replies from the address it writes to is noticed.
func bindTo(l *Load) unix.Sockaddr {
	switch many := l.Clients > 1; {
	case l.IPv6 && many:
		return &unix.SockaddrInet6{}
	case l.IPv6:
		return &unix.SockaddrInet6{Addr: [16]byte{15: 1}}
	case many:
		return &unix.SockaddrInet4{}
	default:
		return &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	}
}

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
		b.iovs[i].SetLen(size)
		h := &b.msgs[i].hdr
		h.Name = &b.names[i][0]
		h.Iov = &b.iovs[i]
		h.SetIovlen(1)
	}
	return b
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

func (b *batch) controlOf(i int) []byte {
	c := &b.control[i]
	return unsafe.Slice((*byte)(unsafe.Pointer(c)), unsafe.Sizeof(*c))
}

// setControl writes the control messages of message i: first the one with the
// client's address, which is filled in later, then the segment size.
func (b *batch) setControl(i int, l Load) {
	c, n := b.controlOf(i), 0
	if l.Clients > 1 && l.IPv6 {
		n = copy(c, unix.PktInfo6(&unix.Inet6Pktinfo{}))
	} else if l.Clients > 1 {
		n = copy(c, unix.PktInfo4(&unix.Inet4Pktinfo{}))
	}
	if l.Segments > 1 {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&c[n]))
		h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
		h.SetLen(unix.CmsgLen(2))
		binary.NativeEndian.PutUint16(c[n+unix.CmsgLen(0):], uint16(l.Size))
		n += unix.CmsgSpace(2)
	}
	hdr := &b.msgs[i].hdr
	hdr.SetControllen(n)
	hdr.Control = &c[0]
}

// The calls below block without the runtime's knowledge, which would make each of
// them cost more. The process has one goroutine and collects no garbage, so nothing
// else needs the thread.

// send sends n messages and returns how many were taken. It does not wait for
// room: what was not taken is sent with the next ones.
func (b *batch) send(fd unix.PollFd, n int) int { return b.call(unix.SYS_SENDMMSG, fd, n) }

// receive receives up to maxBatch messages, none if there are none.
func (b *batch) receive(fd unix.PollFd) int {
	for i := range b.msgs {
		b.msgs[i].hdr.Namelen = uint32(len(b.names[i]))
	}
	return b.call(unix.SYS_RECVMMSG, fd, maxBatch)
}

func (b *batch) call(trap uintptr, fd unix.PollFd, n int) int {
	r, _, errno := syscall.RawSyscall6(trap, uintptr(fd.Fd), uintptr(unsafe.Pointer(&b.msgs)), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(r)
}

// wait waits until one of the sockets has something, or for patience.
func wait(fds []unix.PollFd) {
	t := unix.NsecToTimespec(patience.Nanoseconds())
	syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), uintptr(unsafe.Pointer(&t)), 0, 0, 0)
}

// sleepUntil sleeps until the monotonic clock shows t.
func sleepUntil(t time.Duration) {
	ts := unix.NsecToTimespec(t.Nanoseconds())
	syscall.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
}

// began is one moment, on the clock of package time and as the monotonic clock
// of the kernel shows it. Package time reads the clock without a system call.
var began, beganAt = func() (time.Time, time.Duration) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(fmt.Sprintf("load: reading the monotonic clock: %v", err))
	}
	return time.Now(), time.Duration(ts.Nano())
}()

// now returns what the monotonic clock shows.
func now() time.Duration { return beganAt + time.Since(began) }
