package dsrudp_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

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
	raw, err := x.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, name, class) }))
	require.NoError(t, err, fmt.Sprint(vip))
}
