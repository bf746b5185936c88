package zone

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// The ioctls of netdevice(7) answer for the namespace of the socket they are
// made on, whatever namespace the calling thread is in.

func interfaceName(raw syscall.RawConn, index uint32) (name string, ok bool) {
	ifr, err := unix.NewIfreq("?") // the name is what the kernel fills in
	if err != nil {
		return "", false
	}
	ifr.SetUint32(index)
	if !ioctl(raw, unix.SIOCGIFNAME, ifr) {
		return "", false
	}
	return ifr.Name(), true
}

func interfaceIndex(raw syscall.RawConn, name string) (index uint32, ok bool) {
	ifr, err := unix.NewIfreq(name)
	if err != nil { // longer than an interface's name can be
		return 0, false
	}
	if !ioctl(raw, unix.SIOCGIFINDEX, ifr) {
		return 0, false
	}
	return ifr.Uint32(), true
}

func ioctl(raw syscall.RawConn, request uint, ifr *unix.Ifreq) bool {
	var err error
	if e := raw.Control(func(fd uintptr) { err = unix.IoctlIfreq(int(fd), request, ifr) }); e != nil {
		return false
	}
	return err == nil
}
