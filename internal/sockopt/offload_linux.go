package sockopt

import (
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SetGRO has the kernel join datagrams of one flow to trains: UDP_GRO of udp(7).
func SetGRO(fd uintptr) error {
	return os.NewSyscallError("setsockopt UDP_GRO", unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1))
}

// GRO reports whether the socket receives trains of datagrams as one: UDP_GRO
// of udp(7).
func GRO(fd uintptr) bool {
	v, _ := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO)
	return v != 0
}

// Segments reports whether the kernel cuts a message into segments (UDP_SEGMENT
// of udp(7)), and is not known to spoil them.
func Segments(fd uintptr) bool {
	if _, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT); err != nil {
		return false
	}
	var u unix.Utsname
	return unix.Uname(&u) != nil || !spoils(unix.ByteSliceToString(u.Release[:]))
}

// spoils reports whether a kernel release is one of those that were reported to
// send wrong bytes when a message has several segments of one length: 7.0 to
// 7.1.4.
func spoils(release string) bool {
	var v [3]int
	for i, s := range strings.SplitN(release, ".", 3) {
		if end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			s = s[:end]
		}
		v[i], _ = strconv.Atoi(s)
	}
	return v[0] == 7 && (v[1] == 0 || v[1] == 1 && v[2] <= 4)
}

// SetRecvClass has the kernel tell the type of service of IPv4 datagrams and the
// traffic class of IPv6 ones, as far as the socket takes them: IP_RECVTOS of
// ip(7), IPV6_RECVTCLASS of RFC 3542.
func SetRecvClass(fd uintptr, v4, v6 bool) error {
	if v4 {
		if err := unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTOS, 1); err != nil {
			return os.NewSyscallError("setsockopt IP_RECVTOS", err)
		}
	}
	if v6 {
		if err := unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1); err != nil {
			return os.NewSyscallError("setsockopt IPV6_RECVTCLASS", err)
		}
	}
	return nil
}

// Classes says that datagrams can be marked one by one.
const Classes = true

// Class returns the socket's own type of service or traffic class, which a
// control message replaces as a whole.
func Class(fd uintptr, v4 bool) uint8 {
	level, opt := unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	if v4 {
		level, opt = unix.IPPROTO_IP, unix.IP_TOS
	}
	v, err := unix.GetsockoptInt(int(fd), level, opt)
	if err != nil || v < 0 {
		return 0
	}
	return uint8(v)
}

// Drops returns the number of datagrams that the kernel dropped because the
// receive buffer was full, modulo 1<<32: SO_MEMINFO, the count that SO_RXQ_OVFL
// tells with the datagrams that come after. It is false where that cannot be asked.
func Drops(fd uintptr) (n uint32, ok bool) {
	const drops = 8 // SK_MEMINFO_DROPS in linux/sock_diag.h
	var info [drops + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return info[drops], errno == 0
}
