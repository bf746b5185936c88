package facts_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A bareServer is a UDP socket of package net on the server, for what the
// kernel does when nobody helps.
type bareServer struct {
	*net.UDPConn
	t *testing.T
}

// bareNetworks are those of the sockets that a server listens with: an AF_INET
// one and an AF_INET6 one that takes IPv4 too.
var bareNetworks = []string{"udp4", "udp"}

// A bareOption sets a socket option before the socket is bound.
type bareOption func(fd int) error

// bareOn returns the option that turns another one on.
func bareOn(level, name int) bareOption {
	return func(fd int) error { return unix.SetsockoptInt(fd, level, name, 1) }
}

var (
	barePktinfo4 = bareOn(unix.IPPROTO_IP, unix.IP_PKTINFO)
	barePktinfo6 = bareOn(unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO)
	bareReuse    = bareOn(unix.SOL_SOCKET, unix.SO_REUSEPORT)
)

// bareControl makes options a Control function of net.ListenConfig.
func bareControl(options ...bareOption) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		e := c.Control(func(fd uintptr) {
			for _, o := range options {
				if err == nil {
					err = o(int(fd))
				}
			}
		})
		if e != nil {
			return e
		}
		return err
	}
}

// listen returns a socket bound to the address, the wildcard if it is the
// zero Addr, and the lab's port.
func (s *site) listen(t *testing.T, network string, a netip.Addr, options ...bareOption) *bareServer {
	t.Helper()
	var c net.PacketConn
	require.NoError(t, s.server.Do(func() (err error) {
		lc := net.ListenConfig{Control: bareControl(options...)}
		c, err = lc.ListenPacket(context.Background(), network, siteAddress(a))
		return err
	}))
	return &bareServer{siteConn(t, c.(*net.UDPConn)), t}
}

// set sets a socket option.
func (b *bareServer) set(o bareOption) {
	b.t.Helper()
	raw, err := b.SyscallConn()
	require.NoError(b.t, err)
	require.NoError(b.t, bareControl(o)("", "", raw))
}

// bareGetsockopt returns the value of a socket option.
func bareGetsockopt(t *testing.T, c syscall.Conn, level, name int) int {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	var v int
	var failed error
	require.NoError(t, raw.Control(func(fd uintptr) { v, failed = unix.GetsockoptInt(int(fd), level, name) }))
	require.NoError(t, failed)
	return v
}

// A bareRequest is a datagram received, and what its control messages say.
type bareRequest struct {
	payload string
	from    netip.AddrPort
	oob     []byte
	types   [][2]int32 // level and type of each message
	v4      *info4
	v6      *info6
}

// receive receives one datagram.
func (b *bareServer) receive() bareRequest {
	b.t.Helper()
	payload, oob := make([]byte, 2048), make([]byte, 512)
	n, oobn, flags, from, err := b.ReadMsgUDPAddrPort(payload, oob)
	require.NoError(b.t, err)
	require.Zero(b.t, flags&unix.MSG_CTRUNC)
	r := bareRequest{payload: string(payload[:n]), from: from, oob: oob[:oobn]}
	messages, err := unix.ParseSocketControlMessage(r.oob)
	require.NoError(b.t, err)
	for _, m := range messages {
		r.types = append(r.types, [2]int32{m.Header.Level, m.Header.Type})
		switch r.types[len(r.types)-1] {
		case [2]int32{unix.IPPROTO_IP, unix.IP_PKTINFO}:
			r.v4 = &info4{
				ifindex: int(binary.NativeEndian.Uint32(m.Data)),
				specDst: netip.AddrFrom4([4]byte(m.Data[4:8])),
				addr:    netip.AddrFrom4([4]byte(m.Data[8:12])),
			}
		case [2]int32{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO}:
			r.v6 = &info6{
				addr:    netip.AddrFrom16([16]byte(m.Data[:16])),
				ifindex: int(binary.NativeEndian.Uint32(m.Data[16:])),
			}
		}
	}
	return r
}

// answer sends a datagram to the one who asked, with control messages or none,
// and returns it. The send succeeds, which proves nothing.
func (b *bareServer) answer(r bareRequest, oob []byte) string {
	b.t.Helper()
	answer, err := b.tryAnswer(r, oob)
	require.NoError(b.t, err)
	return answer
}

// tryAnswer is answer where the send may fail.
func (b *bareServer) tryAnswer(r bareRequest, oob []byte) (string, error) {
	b.t.Helper()
	answer := fmt.Sprintf("bare answer %d to %s", siteCount.Add(1), r.payload)
	_, _, err := b.WriteMsgUDPAddrPort([]byte(answer), oob, r.from)
	return answer, err
}

// info4 is IP_PKTINFO (ip(7)). On a send, specDst is the source and addr is
// not looked at.
type info4 struct {
	ifindex       int
	specDst, addr netip.Addr
}

func (i info4) oob() []byte {
	p := unix.Inet4Pktinfo{Ifindex: int32(i.ifindex)}
	if i.specDst.IsValid() {
		p.Spec_dst = i.specDst.As4()
	}
	if i.addr.IsValid() {
		p.Addr = i.addr.As4()
	}
	return unix.PktInfo4(&p)
}

// info6 is IPV6_PKTINFO (RFC 3542, section 6.1). Addr may be IPv4-mapped.
type info6 struct {
	addr    netip.Addr
	ifindex int
}

func (i info6) oob() []byte {
	return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: i.addr.As16(), Ifindex: uint32(i.ifindex)})
}

// info6Mapped returns the IPv4-mapped form of a, as an AF_INET6 socket has it.
func info6Mapped(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }

// bareFails requires that err is one of the errnos.
func bareFails(t *testing.T, err error, errnos ...error) {
	t.Helper()
	for _, errno := range errnos {
		if errors.Is(err, errno) {
			return
		}
	}
	require.Failf(t, "wrong error", "%v is none of %v", err, errnos)
}
