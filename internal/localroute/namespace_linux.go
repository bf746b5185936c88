package localroute

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A namespace names a network namespace: by its cookie, which is never used
// again while the host runs, or on kernels before 5.14 by the inode of its
// file, which is not used again while somebody has a socket in it.
type namespace struct {
	cookie, inode uint64
}

func open(fd uintptr) (*Table, error) {
	// A netlink socket belongs to the namespace of the thread that opens it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	tables.Lock()
	defer tables.Unlock()
	ns, err := namespaceOf(int(fd))
	if err != nil {
		return nil, err
	}
	t := tables.m[ns]
	if t == nil {
		s, err := openNetlinkIn(ns, int(fd))
		if err != nil {
			return nil, err
		}
		t = &Table{kernel: &netlink{fd: s}, namespace: ns}
		tables.m[ns] = t
	}
	t.users++
	return t, nil
}

// socketCookie returns SO_NETNS_COOKIE, see socket(7). A variable for tests.
var socketCookie = func(fd int) (uint64, error) {
	return unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
}

// namespaceOf returns the network namespace of a socket. Where the kernel
// cannot say, it is taken for that of the calling thread. So on such a kernel a
// socket adopted from another namespace is checked by the wrong routes: its
// sends are refused unless the address is local here too. The calling goroutine
// is locked to its thread.
func namespaceOf(fd int) (namespace, error) {
	cookie, err := socketCookie(fd)
	if err == nil {
		return namespace{cookie: cookie}, nil
	}
	// EINVAL is that of emulators which take every option for four bytes long.
	if !errors.Is(err, unix.ENOPROTOOPT) && !errors.Is(err, unix.EINVAL) {
		return namespace{}, os.NewSyscallError("getsockopt SO_NETNS_COOKIE", err)
	}
	var st unix.Stat_t
	const path = "/proc/thread-self/ns/net"
	if err := unix.Stat(path, &st); err != nil {
		return namespace{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return namespace{inode: st.Ino}, nil
}

// openNetlinkIn opens a netlink socket in ns, the namespace of the socket fd.
func openNetlinkIn(ns namespace, fd int) (s int, err error) {
	if s, err = openNetlink(); err != nil {
		return -1, err
	}
	if here, _ := namespaceOf(s); here == ns {
		return s, nil
	}
	unix.Close(s)

	const what = "the socket belongs to another network namespace: %w"
	other, err := unix.IoctlRetInt(fd, unix.SIOCGSKNS)
	if err != nil {
		return -1, fmt.Errorf(what, os.NewSyscallError("ioctl SIOCGSKNS", err))
	}
	defer unix.Close(other)
	onThrowawayThread(func() {
		if err = unix.Setns(other, unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf(what, os.NewSyscallError("setns", err))
			return
		}
		s, err = openNetlink()
	})
	return s, err
}

// openNetlink opens a netlink socket in the namespace of the calling thread.
func openNetlink() (int, error) {
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	return s, os.NewSyscallError("socket AF_NETLINK", err)
}

// onThrowawayThread runs f on a thread that no other goroutine will run on,
// and that ends with it. The first thread of the process will not do: it
// cannot end, and it is what the process looks like from outside.
func onThrowawayThread(f func()) {
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			onThrowawayThread(f) // on another, while this goroutine holds the first
			runtime.UnlockOSThread()
			return
		}
		f()
	}()
	<-finished
}
