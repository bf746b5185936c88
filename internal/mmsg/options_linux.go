package mmsg

import (
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A descriptor's options are those of its open file description: they hold for every
// duplicate of it.

// Flags of a message, see recvmsg(2) and sendmsg(2).
const (
	FlagTrunc    = unix.MSG_TRUNC    // the payload was longer than the buffer
	FlagCtrunc   = unix.MSG_CTRUNC   // control messages were cut or left out
	FlagErrQueue = unix.MSG_ERRQUEUE // it is from the error queue: no datagram, but what became of one sent
	FlagDontWait = unix.MSG_DONTWAIT // of a call: it does not wait
)

// SetFreeBind lets the socket bind to, and an IPv6 one also send from, an address that
// no interface has: IP_FREEBIND of ip(7), which on an AF_INET6 socket is IPV6_FREEBIND. It
// needs no privilege.
func SetFreeBind(fd uintptr) error { return set(fd, unix.IPPROTO_IP, unix.IP_FREEBIND, "IP_FREEBIND") }

// SetReusePort lets several sockets of one user share an address and the datagrams that
// come to it: SO_REUSEPORT of socket(7).
func SetReusePort(fd uintptr) error {
	return set(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, "SO_REUSEPORT")
}

// SetGRO turns on UDP_GRO of udp(7): the kernel joins datagrams of one flow.
func SetGRO(fd uintptr) error { return set(fd, unix.IPPROTO_UDP, unix.UDP_GRO, "UDP_GRO") }

// SetReceiveClass makes the kernel report the type of service of IPv4 datagrams, and the
// traffic class of IPv6 ones: IP_RECVTOS of ip(7), IPV6_RECVTCLASS of RFC 3542.
func SetReceiveClass(fd uintptr, v4, v6 bool) error {
	if v4 {
		if err := set(fd, unix.IPPROTO_IP, unix.IP_RECVTOS, "IP_RECVTOS"); err != nil {
			return err
		}
	}
	if v6 {
		return set(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, "IPV6_RECVTCLASS")
	}
	return nil
}

func set(fd uintptr, level, option int, name string) error {
	return os.NewSyscallError("setsockopt "+name, unix.SetsockoptInt(int(fd), level, option, 1))
}

// get returns an option's value, 0 where the socket does not have the option.
func get(fd uintptr, level, option int) int {
	v, err := unix.GetsockoptInt(int(fd), level, option)
	if err != nil || v < 0 {
		return 0
	}
	return v
}

// HasGRO reports whether the socket receives joined datagrams, see SetGRO.
func HasGRO(fd uintptr) bool { return get(fd, unix.IPPROTO_UDP, unix.UDP_GRO) != 0 }

// HasClass is whether a datagram can be sent with a class of its own.
const HasClass = true

// Class returns the socket's own type of service or traffic class, which a control
// message replaces as a whole.
func Class(fd uintptr, v4 bool) uint8 {
	if v4 {
		return uint8(get(fd, unix.IPPROTO_IP, unix.IP_TOS))
	}
	return uint8(get(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS))
}

// Unguarded reports for which families the kernel does not validate the source: with
// IP_TRANSPARENT for both, with IP_FREEBIND for IPv6. The families share these bits.
func Unguarded(fd uintptr) (ipv4, ipv6 bool) {
	transparent := get(fd, unix.IPPROTO_IP, unix.IP_TRANSPARENT) != 0
	return transparent, transparent || get(fd, unix.IPPROTO_IP, unix.IP_FREEBIND) != 0
}

// Segments reports whether the kernel cuts a message into segments (UDP_SEGMENT of
// udp(7)), and is not known to corrupt them.
func Segments(fd uintptr) bool {
	if _, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT); err != nil {
		return false
	}
	var u unix.Utsname
	return unix.Uname(&u) != nil || !corrupts(unix.ByteSliceToString(u.Release[:]))
}

// corrupts reports whether a kernel release is one of those reported to send wrong bytes
// when a message has several segments of one length: 7.0 to 7.1.4 (K6.5).
func corrupts(release string) bool {
	var v [3]int
	for i, s := range strings.SplitN(release, ".", 3) {
		if end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			s = s[:end]
		}
		v[i], _ = strconv.Atoi(s)
	}
	return v[0] == 7 && (v[1] == 0 || v[1] == 1 && v[2] <= 4)
}

// Queue returns what the receive buffer holds, in bytes of memory, and how many datagrams
// the kernel dropped because it was full, modulo 1<<32: SO_MEMINFO of socket(7). An emulator
// may take the option for a number, and write no more than that.
func Queue(fd uintptr) (bytes, drops uint32, ok bool) {
	var info [unix.SK_MEMINFO_DROPS + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	ok = errno == 0 && uintptr(size) == unsafe.Sizeof(info)
	return info[unix.SK_MEMINFO_RMEM_ALLOC], info[unix.SK_MEMINFO_DROPS], ok
}

// BufferSizes returns the sizes of the kernel's buffers in bytes, in the terms of those who
// set them: the kernel doubles what it is asked for, after it cut that to what the host
// allows, and reports the double (SO_RCVBUF, SO_SNDBUF of socket(7)).
func BufferSizes(fd uintptr) (read, write int, ok bool) {
	return get(fd, unix.SOL_SOCKET, unix.SO_RCVBUF) / 2, get(fd, unix.SOL_SOCKET, unix.SO_SNDBUF) / 2, true
}

// The ioctls of netdevice(7) answer for the network namespace of the socket, whatever
// namespace the calling thread is in. Net's calls ask the thread's.

// InterfaceName returns the name of the interface with an index.
func InterfaceName(fd uintptr, ifindex uint32) (string, bool) {
	r, err := unix.NewIfreq("?") // the name is what the kernel fills in
	if err != nil {
		return "", false
	}
	r.SetUint32(ifindex)
	if unix.IoctlIfreq(int(fd), unix.SIOCGIFNAME, r) != nil {
		return "", false
	}
	return r.Name(), true
}

// InterfaceIndex returns the index of the interface with a name.
func InterfaceIndex(fd uintptr, name string) (uint32, bool) {
	r, err := unix.NewIfreq(name)
	if err != nil { // longer than an interface's name can be
		return 0, false
	}
	if unix.IoctlIfreq(int(fd), unix.SIOCGIFINDEX, r) != nil {
		return 0, false
	}
	return r.Uint32(), true
}

// InterfaceAddr returns want if it is an IPv4 address of the interface with a name, else
// the interface's first one. It is false where the interface has none.
//
// It asks by SIOCGIFCONF, which lists the IPv4 addresses of all interfaces: SIOCGIFADDR,
// which would name one, does not work on AF_INET6 sockets.
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

// ifconf is struct ifconf of netdevice(7).
type ifconf struct {
	bytes int32
	buf   *unix.Ifreq
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
