package sockopt

import (
	"net/netip"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ifconf is struct ifconf of netdevice(7).
type ifconf struct {
	bytes int32
	buf   *unix.Ifreq
}

// InterfaceAddr returns want if it is an IPv4 address of the interface called
// name in the socket's namespace, and else the interface's first one. It is
// false where the interface has none.
//
// It asks by SIOCGIFCONF, which lists the IPv4 addresses of all interfaces:
// SIOCGIFADDR, which would name one, does not work on AF_INET6 sockets.
func InterfaceAddr(fd uintptr, name string, want netip.Addr) (addr netip.Addr, ok bool) {
	for _, r := range interfaceAddrs(fd) {
		// An address may have a label of its own, "eth0:1".
		if label, _, _ := strings.Cut(r.Name(), ":"); label != name {
			continue
		}
		b, err := r.Inet4Addr()
		if err != nil {
			continue
		}
		a := netip.AddrFrom4([4]byte(b))
		if a == want {
			return a, true
		}
		if !ok {
			addr, ok = a, true
		}
	}
	return addr, ok
}

func interfaceAddrs(fd uintptr) []unix.Ifreq {
	const size = int32(unsafe.Sizeof(unix.Ifreq{}))
	c := ifconf{}
	if !listInterfaces(fd, &c) || c.bytes < size { // how many are there?
		return nil
	}
	rs := make([]unix.Ifreq, c.bytes/size+8) // and a few that may just be coming
	c = ifconf{int32(len(rs)) * size, &rs[0]}
	if !listInterfaces(fd, &c) {
		return nil
	}
	return rs[:c.bytes/size]
}

func listInterfaces(fd uintptr, c *ifconf) bool {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, unix.SIOCGIFCONF, uintptr(unsafe.Pointer(c)))
	runtime.KeepAlive(c)
	return errno == 0
}
