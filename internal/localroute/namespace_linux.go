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

// socketCookie returns SO_NETNS_COOKIE, see socket(7). A variable for tests.
var socketCookie = func(fd int) (uint64, error) {
	return unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
}

// namespaceOf returns the network namespace of a socket. A kernel that cannot
// tell has it taken for that of the calling thread. So on such a kernel a
// socket adopted from another namespace is guarded by the wrong routes: its
// sends are refused unless the address is local here too. The calling goroutine
// is locked to its thread.
func namespaceOf(fd int) (namespace, error) {
	cookie, err := socketCookie(fd)
	if err == nil {
		return namespace{cookie: cookie}, nil
	}
	if !errors.Is(err, unix.ENOPROTOOPT) {
		return namespace{}, os.NewSyscallError("getsockopt SO_NETNS_COOKIE", err)
	}
	var st unix.Stat_t
	const path = "/proc/thread-self/ns/net"
	if err := unix.Stat(path, &st); err != nil {
		return namespace{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return namespace{inode: st.Ino}, nil
}

// sockets are a Table's two: for asking, and for notifications.
type sockets struct {
	ask, watch int
}

func (s sockets) close() {
	unix.Close(s.ask)
	unix.Close(s.watch)
}

// openSockets opens them in the network namespace of the calling thread.
func openSockets() (s sockets, err error) {
	if s.ask, err = openNetlink(0); err != nil {
		return sockets{}, err
	}
	if s.watch, err = openNetlink(watchGroups); err != nil {
		unix.Close(s.ask)
		return sockets{}, err
	}
	return s, nil
}

func openNetlink(groups uint32) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, os.NewSyscallError("socket AF_NETLINK", err)
	}
	if groups != 0 {
		filterRoutes(fd)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("bind AF_NETLINK", err)
	}
	// Connected to the kernel, the socket hears nobody else.
	if err := unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("connect AF_NETLINK", err)
	}
	return fd, nil
}

// openSocketsOf opens them in the network namespace of the socket fd.
func openSocketsOf(fd int) (s sockets, err error) {
	ns, err := unix.IoctlRetInt(fd, unix.SIOCGSKNS)
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrNamespace, os.NewSyscallError("ioctl SIOCGSKNS", err))
	}
	defer unix.Close(ns)
	onThrowawayThread(func() {
		if err = unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("%w: %w", ErrNamespace, os.NewSyscallError("setns", err))
			return
		}
		s, err = openSockets()
	})
	return s, err
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
