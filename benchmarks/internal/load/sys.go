//go:build linux

package load

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// These calls block without telling the runtime, which would make each of them
// dearer. The process has one goroutine and collects no garbage, so nobody
// misses the thread.

// send sends n messages and returns how many were taken. A full buffer is not
// waited for: what was not taken is sent with the next ones.
func (b *batch) send(fd, n int) int {
	r, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.msgs)), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(r)
}

// receive receives up to n messages, none if there are none.
func (b *batch) receive(fd, n int) int {
	b.arm(n)
	r, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.msgs)), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(r)
}

// wait waits until one of the sockets has something.
func wait(fds []unix.PollFd, patience time.Duration) {
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
