package dsrudp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
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
	onFd(t, c, func(fd int) {
		for _, o := range opts {
			require.NoError(t, unix.SetsockoptInt(fd, o[0], o[1], 1))
		}
	})
}

// controlling returns a ListenConfig whose Control sets options.
func controlling(opts ...[2]int) *dsrudp.ListenConfig {
	return &dsrudp.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) (err error) {
		e := rc.Control(func(fd uintptr) {
			for _, o := range opts {
				err = errors.Join(err, unix.SetsockoptInt(int(fd), o[0], o[1], 1))
			}
		})
		return errors.Join(err, e)
	}}
}

// losePath turns off the control messages of a socket: what it receives from then on has
// no known destination, as when its control data was lost.
func losePath(t *testing.T, c syscall.Conn) {
	t.Helper()
	onFd(t, c, func(fd int) { require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 0)) })
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

// requireWriteOp requires net's shape, and a match where want is not nil.
func requireWriteOp(t *testing.T, err, want error) {
	t.Helper()
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "write", op.Op)
	require.NotErrorAs(t, op.Err, new(*net.OpError), "wrapped once")
	if want != nil {
		require.ErrorIs(t, err, want)
	}
}

// netlinkSockets returns the process's netlink sockets: the guard's.
func netlinkSockets(t *testing.T) (fds []int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range all {
		fd, err := strconv.Atoi(e.Name())
		require.NoError(t, err)
		if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil && domain == unix.AF_NETLINK {
			fds = append(fds, fd)
		}
	}
	return fds
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

// classOf returns what a mark makes of a socket's own class: 0 leaves it alone.
func classOf(own int, ecn dsrudp.ECN) int {
	if ecn == dsrudp.NotECT {
		return own
	}
	return own&^3 | int(ecn)
}

func recvClass(vip netip.Addr) [2]int {
	if vip.Is6() {
		return [2]int{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS}
	}
	return [2]int{unix.IPPROTO_IP, unix.IP_RECVTOS}
}

// readClass receives one datagram and returns the field that the mark is in.
func readClass(t *testing.T, x *net.UDPConn, vip netip.Addr) int {
	t.Helper()
	oob := make([]byte, 64)
	_, oobn, _, _, err := x.ReadMsgUDPAddrPort(make([]byte, 16), oob)
	require.NoError(t, err)
	ms, err := unix.ParseSocketControlMessage(oob[:oobn])
	require.NoError(t, err)
	require.Len(t, ms, 1)
	require.EqualValues(t, recvClass(vip)[0], ms[0].Header.Level)
	if vip.Is4() {
		return int(ms[0].Data[0])
	}
	return int(binary.NativeEndian.Uint32(ms[0].Data))
}

// setClass sets what a client marks its datagrams with.
func setClass(t *testing.T, x syscall.Conn, vip netip.Addr, class int) {
	t.Helper()
	level, name := unix.IPPROTO_IP, unix.IP_TOS
	if vip.Is6() {
		level, name = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	onFd(t, x, func(fd int) { require.NoError(t, unix.SetsockoptInt(fd, level, name, class), "%v", vip) })
}

// dialSegmented dials a VIP with a socket that shows what left as one message:
// over loopback it arrives as one (UDP_GRO).
func dialSegmented(t *testing.T, c net.PacketConn, vip netip.Addr) *net.UDPConn {
	t.Helper()
	x := dialVIP(t, c, vip)
	setsockopts(t, x, [2]int{unix.IPPROTO_UDP, unix.UDP_GRO})
	require.NoError(t, x.SetReadBuffer(1<<20))
	return x
}

// A segmented payload is received as one, with the length of its segments, 0 for a single datagram.
type segmented struct {
	payload string
	size    int
}

func (sg segmented) String() string { return fmt.Sprintf("%d bytes by %d", len(sg.payload), sg.size) }

// readSegmented receives what dialSegmented's socket has next.
func readSegmented(t *testing.T, x *net.UDPConn) segmented {
	t.Helper()
	b, oob := make([]byte, 1<<16), make([]byte, 64)
	n, oobn, flags, _, err := x.ReadMsgUDPAddrPort(b, oob)
	require.NoError(t, err, "the client drops what comes from another address than it wrote to")
	require.Zero(t, flags)
	sg := segmented{payload: string(b[:n])}
	ms, err := unix.ParseSocketControlMessage(oob[:oobn])
	require.NoError(t, err)
	for _, m := range ms {
		if m.Header.Level == unix.IPPROTO_UDP && m.Header.Type == unix.UDP_GRO {
			sg.size = int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	if sg.size >= n {
		sg.size = 0
	}
	return sg
}

// requireSegmented requires that just these come.
func requireSegmented(t *testing.T, x *net.UDPConn, want ...segmented) {
	t.Helper()
	for i, w := range want {
		got := readSegmented(t, x)
		require.Equal(t, w.String(), got.String(), "of %v, the one with index %d", want, i)
		require.True(t, w == got, "bytes of the one with index %d", i)
	}
	requireNothing(t, x)
}

// writeSegmented sends a payload in segments from a client.
func writeSegmented(t *testing.T, x *net.UDPConn, payload string, size int) {
	t.Helper()
	oob := make([]byte, unix.CmsgSpace(2))
	binary.NativeEndian.PutUint16(cmsghdr(oob, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2), uint16(size))
	_, _, err := x.WriteMsgUDP([]byte(payload), oob, nil)
	require.NoError(t, err)
}

// readPacketsWithSegments receives n Packets into buffers that hold segments.
func readPacketsWithSegments(t *testing.T, c *dsrudp.Conn, n int) (all []dsrudp.Packet) {
	t.Helper()
	for len(all) < n {
		ps := packets(n-len(all), 1<<16)
		k, err := c.ReadPackets(ps)
		require.NoError(t, err)
		all = append(all, ps[:k]...)
	}
	return all
}

// bytesOf returns n bytes unlike those of another kind.
func bytesOf(kind, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(kind + i + i>>8)
	}
	return string(b)
}

// packetsOf returns a Packet for each size, one behind the other in memory or not.
func packetsOf(p dsrudp.Path, adjacent bool, sizes ...int) (ps []dsrudp.Packet, all string) {
	for i, n := range sizes {
		all += bytesOf(i, n)
	}
	memory, at := []byte(all), 0
	for _, n := range sizes {
		b := memory[at:]
		if !adjacent {
			b = bytes.Clone(b)
		}
		ps = append(ps, dsrudp.Packet{Buf: b, N: n, Path: p})
		at += n
	}
	return ps, all
}

// writeAll sends Packets, all of which must be good.
func writeAll(t *testing.T, c *dsrudp.Conn, ps []dsrudp.Packet) {
	t.Helper()
	n, err := c.WritePackets(ps)
	require.NoError(t, err)
	require.Equal(t, len(ps), n)
}

func times(n, size int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

// batchConn is what quic-go, kcp-go and others ask x/net's types for.
type batchConn interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
}

// messages returns n messages to receive into.
func messages(n, size int) []ipv4.Message {
	ms := make([]ipv4.Message, n)
	for i := range ms {
		ms[i].Buffers = [][]byte{make([]byte, size)}
	}
	return ms
}

// message returns a message to send.
func message(payload string, to net.Addr) ipv4.Message {
	return ipv4.Message{Buffers: [][]byte{[]byte(payload)}, Addr: to}
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
