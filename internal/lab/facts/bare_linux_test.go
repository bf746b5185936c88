package facts_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// The networks of the sockets that take a family: one of its own kind, and an AF_INET6
// one that takes both.
var (
	networks4 = []string{"udp4", "udp"}
	networks6 = []string{"udp6", "udp"}
)

// An option sets a socket option, as a Control function does before bind.
type option func(fd int) error

// on returns the option that turns another one on, off the one that turns it off.
func on(level, name int) option {
	return func(fd int) error { return unix.SetsockoptInt(fd, level, name, 1) }
}

func off(level, name int) option {
	return func(fd int) error { return unix.SetsockoptInt(fd, level, name, 0) }
}

var (
	pktinfo4    = on(unix.IPPROTO_IP, unix.IP_PKTINFO)
	pktinfo6    = on(unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO)
	reusePort   = on(unix.SOL_SOCKET, unix.SO_REUSEPORT)
	freebind    = on(unix.IPPROTO_IP, unix.IP_FREEBIND) // of IPv6 sockets too, by this name
	freebindOff = off(unix.IPPROTO_IP, unix.IP_FREEBIND)
	transparent = on(unix.IPPROTO_IP, unix.IP_TRANSPARENT)
	gro         = on(unix.IPPROTO_UDP, unix.UDP_GRO)
)

// pktinfo are the options by which a socket of network learns destinations.
func pktinfo(network string) []option {
	switch network {
	case "udp4":
		return []option{pktinfo4}
	case "udp6":
		return []option{pktinfo6}
	}
	return []option{pktinfo6, pktinfo4}
}

// badSource is how the kernel refuses an IPv4 address that is not the host's:
// EINVAL on older ones.
var badSource = []error{unix.ENETUNREACH, unix.EINVAL}

// control makes options a Control function of net.ListenConfig.
func control(options ...option) func(network, address string, c syscall.RawConn) error {
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

// set sets socket options, or does something else with a descriptor.
func set(t *testing.T, c syscall.Conn, options ...option) {
	t.Helper()
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, control(options...)("", "", raw))
}

// get returns the value of a socket option.
func get(t *testing.T, c syscall.Conn, level, name int) (v int) {
	t.Helper()
	set(t, c, func(fd int) (err error) {
		v, err = unix.GetsockoptInt(fd, level, name)
		return err
	})
	return v
}

// A bare is a UDP socket of package net on the server, for what the kernel does when
// nobody helps.
type bare struct {
	*net.UDPConn
	t *testing.T
	s *site
}

// listen returns a socket bound to the address, the wildcard if it is the zero Addr,
// and the lab's port.
func (s *site) listen(t *testing.T, network string, a netip.Addr, options ...option) *bare {
	t.Helper()
	c, err := s.tryListen(network, a, options...)
	require.NoError(t, err)
	return &bare{bounded(t, c), t, s}
}

func (s *site) tryListen(network string, a netip.Addr, options ...option) (c *net.UDPConn, err error) {
	err = s.server.Do(func() error {
		lc := net.ListenConfig{Control: control(options...)}
		pc, err := lc.ListenPacket(context.Background(), network, address(a))
		if err == nil {
			c = pc.(*net.UDPConn)
		}
		return err
	})
	return c, err
}

// address returns the address a, or none, and the lab's port as net takes it.
func address(a netip.Addr) string {
	host := ""
	if a.IsValid() {
		host = a.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(lab.Port))
}

// eachBare runs f for sockets of the networks, made with the options.
func (s *site) eachBare(t *testing.T, networks []string, f func(t *testing.T, b *bare), options ...option) {
	t.Helper()
	for _, network := range networks {
		t.Run("bare/"+network, func(t *testing.T) { f(t, s.listen(t, network, netip.Addr{}, options...)) })
	}
}

// set sets a socket option.
func (b *bare) set(options ...option) {
	b.t.Helper()
	set(b.t, b, options...)
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

// The types of the messages that carry a destination.
var (
	type4 = [2]int32{unix.IPPROTO_IP, unix.IP_PKTINFO}
	type6 = [2]int32{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO}
)

// asked has a client ask, and receives that.
func (b *bare) asked(client *net.UDPConn) bareRequest {
	b.t.Helper()
	request := b.s.ask(b.t, client)
	r := b.receive()
	require.Equal(b.t, request, r.payload)
	return r
}

// receive receives one datagram.
func (b *bare) receive() bareRequest {
	b.t.Helper()
	payload, oob := make([]byte, 2048), make([]byte, 512)
	n, oobn, flags, from, err := b.ReadMsgUDPAddrPort(payload, oob)
	require.NoError(b.t, err)
	require.Zero(b.t, flags&unix.MSG_CTRUNC)
	r := bareRequest{payload: string(payload[:n]), from: from, oob: oob[:oobn]}
	for _, m := range messages(b.t, r.oob) {
		r.types = append(r.types, [2]int32{m.Header.Level, m.Header.Type})
		switch r.types[len(r.types)-1] {
		case type4:
			r.v4 = &info4{
				ifindex: int(binary.NativeEndian.Uint32(m.Data)),
				specDst: netip.AddrFrom4([4]byte(m.Data[4:8])),
				addr:    netip.AddrFrom4([4]byte(m.Data[8:12])),
			}
		case type6:
			r.v6 = &info6{
				addr:    netip.AddrFrom16([16]byte(m.Data[:16])),
				ifindex: int(binary.NativeEndian.Uint32(m.Data[16:])),
			}
		}
	}
	return r
}

func messages(t *testing.T, oob []byte) []unix.SocketControlMessage {
	t.Helper()
	ms, err := unix.ParseSocketControlMessage(oob)
	require.NoError(t, err)
	return ms
}

// answer sends a datagram to the one who asked, with control messages or none,
// and returns it. The send succeeds, which proves nothing.
func (b *bare) answer(r bareRequest, oob []byte) string {
	b.t.Helper()
	answer, err := b.tryAnswer(r, oob)
	require.NoError(b.t, err)
	return answer
}

// tryAnswer is answer where the send may fail.
func (b *bare) tryAnswer(r bareRequest, oob []byte) (string, error) {
	return b.sendTo(r.from, oob)
}

func (b *bare) sendTo(to netip.AddrPort, oob []byte) (string, error) {
	payload := unique("bare")
	_, _, err := b.WriteMsgUDPAddrPort([]byte(payload), oob, to)
	return payload, err
}

// awaitQueued returns when a datagram is in the socket's queue, and leaves it there.
func (b *bare) awaitQueued() {
	b.t.Helper()
	soon(b.t, "a datagram is queued", func() bool { return b.poll()&unix.POLLIN != 0 })
}

// poll returns what a call would not wait for.
func (b *bare) poll() (events int16) {
	b.t.Helper()
	b.set(func(fd int) error {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLOUT}}
		_, err := unix.Poll(fds, 0)
		events = fds[0].Revents
		return err
	})
	return events
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

// mapped returns the IPv4-mapped form of a, as an AF_INET6 socket has it.
func mapped(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }

// source returns the control message that names a source, with the interface that its
// zone is the number of.
func source(a netip.Addr) []byte {
	if a.Is4() {
		return info4{specDst: a}.oob()
	}
	ifindex, _ := strconv.Atoi(a.Zone())
	return info6{a, ifindex}.oob()
}

// source2292 is source under the number that the IPv6 option had in RFC 2292. The
// kernel still takes it.
func source2292(a netip.Addr) []byte {
	oob := source(a)
	if a.Is4() {
		return oob
	}
	return message(unix.IPPROTO_IPV6, unix.IPV6_2292PKTINFO, oob[unix.CmsgLen(0):unix.CmsgLen(unix.SizeofInet6Pktinfo)])
}

// segment is the control message that cuts a payload (UDP_SEGMENT, udp(7)).
func segment(size int) []byte {
	return message(unix.IPPROTO_UDP, unix.UDP_SEGMENT, binary.NativeEndian.AppendUint16(nil, uint16(size)))
}

// message returns a control message.
func message(level, kind int, data []byte) []byte {
	oob := make([]byte, unix.CmsgSpace(len(data)))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
	h.Level, h.Type = int32(level), int32(kind)
	h.SetLen(unix.CmsgLen(len(data)))
	copy(oob[unix.CmsgLen(0):], data)
	return oob
}

// unprivileged runs f on the server, without any capability.
func unprivileged(t *testing.T, h *lab.Host, f func()) {
	t.Helper()
	require.NoError(t, h.Do(func() error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil { // of this thread, which ends with Do
			return err
		}
		f()
		return nil
	}))
}

// drop has the packet filter of the server drop what it sends with these octets at an
// offset of a header.
func (s *site) drop(t *testing.T, v6 bool, base expr.PayloadBase, offset int, octets []byte) (remove func()) {
	t.Helper()
	nft, err := s.server.Nftables()
	require.NoError(t, err)
	family := nftables.TableFamilyIPv4
	if v6 {
		family = nftables.TableFamilyIPv6
	}
	table := nft.AddTable(&nftables.Table{Name: "facts", Family: family})
	chain := nft.AddChain(&nftables.Chain{
		Name: "out", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter,
	})
	nft.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: base, Offset: uint32(offset), Len: uint32(len(octets))},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: octets},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}})
	require.NoError(t, nft.Flush())
	return func() {
		nft.DelTable(table)
		require.NoError(t, nft.Flush())
	}
}
