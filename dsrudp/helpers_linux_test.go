package dsrudp_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// onFd calls f with a socket's descriptor.
func onFd(t *testing.T, c syscall.Conn, f func(fd int)) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { f(int(fd)) }))
}

// setsockopts sets options on a socket of either kind.
func setsockopts(t *testing.T, c syscall.Conn, opts ...[2]int) {
	t.Helper()
	onFd(t, c, func(fd int) { require.NoError(t, setInts(fd, opts)) })
}

// controlling returns a ListenConfig whose Control sets options.
func controlling(opts ...[2]int) *dsrudp.ListenConfig {
	return &dsrudp.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) (err error) {
		e := rc.Control(func(fd uintptr) { err = setInts(int(fd), opts) })
		return errors.Join(err, e)
	}}
}

func setInts(fd int, opts [][2]int) (err error) {
	for _, o := range opts {
		err = errors.Join(err, unix.SetsockoptInt(fd, o[0], o[1], 1))
	}
	return err
}

// requireNothing requires that no datagram is left for a client, to which c sends
// over loopback: what was sent has arrived.
func requireNothing(t *testing.T, x *net.UDPConn) {
	t.Helper()
	onFd(t, x, func(fd int) {
		var b [2048]byte
		n, _, err := syscall.Recvfrom(fd, b[:], syscall.MSG_PEEK)
		require.Error(t, err, "%q came twice, or should not have", b[:max(n, 0)])
	})
}

// cmsghdr writes a control message's header for n bytes of data to b, and
// returns the data.
func cmsghdr(b []byte, level, typ, n int) []byte {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.SetLen(unix.CmsgLen(n))
	h.Level, h.Type = int32(level), int32(typ)
	return b[unix.CmsgLen(0):unix.CmsgLen(n)]
}

// pktinfo4 returns an IP_PKTINFO control message with an interface, spec_dst and ipi_addr.
func pktinfo4(ifindex int32, specDst, dst netip.Addr) []byte {
	info := unix.Inet4Pktinfo{Ifindex: ifindex}
	if specDst.IsValid() {
		info.Spec_dst = specDst.As4()
	}
	if dst.IsValid() {
		info.Addr = dst.As4()
	}
	return unix.PktInfo4(&info)
}

// requireSameMessages compares but for the ports of ORIGDSTADDR messages.
func requireSameMessages(t *testing.T, want, got []byte) {
	t.Helper()
	ws, err := unix.ParseSocketControlMessage(want)
	gs, err2 := unix.ParseSocketControlMessage(got)
	require.Equal(t, err, err2)
	require.Equal(t, len(ws), len(gs))
	for i := range ws {
		require.Equal(t, ws[i].Header, gs[i].Header)
		if ws[i].Header.Type == unix.IP_ORIGDSTADDR || ws[i].Header.Type == unix.IPV6_ORIGDSTADDR {
			continue
		}
		require.Equal(t, ws[i].Data, gs[i].Data)
	}
}

// bytesOf returns n bytes unlike those of another kind.
func bytesOf(kind, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(kind + i + i>>8)
	}
	return string(b)
}

// batchConn is what quic-go, kcp-go and others ask x/net's types for.
type batchConn interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
}

// sent makes messages received ones to send back: as kcp-go does.
func sent(ms []ipv4.Message) []ipv4.Message {
	for i := range ms {
		ms[i].Buffers[0] = ms[i].Buffers[0][:ms[i].N]
	}
	return ms
}

// readBatch receives n messages.
func readBatch(t *testing.T, c batchConn, ms []ipv4.Message) {
	t.Helper()
	for got := 0; got < len(ms); {
		n, err := c.ReadBatch(ms[got:], 0)
		require.NoError(t, err)
		require.Positive(t, n)
		got += n
	}
}

// bothBatches returns a Conn and x/net's type on a socket of net's.
func bothBatches(t *testing.T, network, address string) (ours *dsrudp.Conn, nets *net.UDPConn, xnets batchConn) {
	t.Helper()
	u, err := net.ListenPacket(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { u.Close() })
	require.NoError(t, u.SetDeadline(time.Now().Add(patience)))
	nets = u.(*net.UDPConn)
	xnets = ipv4.NewPacketConn(u)
	if network != "udp4" {
		xnets = ipv6.NewPacketConn(u)
	}
	return listen(t, network, address), nets, xnets
}

// inNamespace is apart in user and network namespaces of the process's own, where it may
// configure interfaces. It brings lo up there.
func inNamespace(t *testing.T, stuck string) bool {
	t.Helper()
	if !rerun(t, stuck, &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}) {
		return false
	}
	if err := ifreq(t, "lo", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) { r.SetUint16(unix.IFF_UP) }); err != nil {
		t.Skipf("user namespaces have no capabilities here: bringing lo up: %v", err)
	}
	return true
}

// addBridge makes a bridge without ports, with an address: a way to a network where nobody
// answers.
func addBridge(t *testing.T, a string) error {
	t.Helper()
	if err := ifreq(t, "br0", unix.SIOCBRADDBR, func(*unix.Ifreq) {}); err != nil {
		return err
	}
	addAddress(t, "br0", netip.MustParseAddr(a))
	require.NoError(t, ifreq(t, "br0", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) { r.SetUint16(unix.IFF_UP) }))
	return nil
}

// ifreq makes a request of netdevice(7).
func ifreq(t *testing.T, name string, request uint, set func(*unix.Ifreq)) error {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	r, err := unix.NewIfreq(name)
	require.NoError(t, err)
	set(r)
	return unix.IoctlIfreq(fd, request, r)
}

// forbidNetlink makes socket(AF_NETLINK) fail with EPERM from now on.
func forbidNetlink(t *testing.T) {
	t.Helper()
	forbid(t, unix.EPERM, unix.SYS_SOCKET, map[int]uint32{0: unix.AF_NETLINK})
}

// forbid makes a system call fail with errno where its arguments, by number,
// have the values given in their low halves. It holds for all threads from now
// on, see seccomp(2).
func forbid(t *testing.T, errno unix.Errno, call uint32, args map[int]uint32) {
	t.Helper()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("the filter is for the calls of amd64 and arm64")
	}
	const offsetNr, offsetArgs = 0, 16 // in struct seccomp_data, whose arguments have 8 bytes
	// Whatever does not match jumps to the end, where all is allowed.
	load := func(offset int) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: uint32(offset)}
	}
	toEnd := 2*len(args) + 1
	equal := func(value uint32) unix.SockFilter {
		f := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: uint8(toEnd), K: value}
		toEnd -= 2
		return f
	}
	filter := []unix.SockFilter{load(offsetNr), equal(call)}
	for n, value := range args {
		filter = append(filter, load(offsetArgs+8*n), equal(value))
	}
	filter = append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	)
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // both calls on one thread; the second is for all
	defer runtime.UnlockOSThread()
	require.NoError(t, unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	_, _, e := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	require.Zero(t, e)
}
