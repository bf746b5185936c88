package localroute_test

import (
	"encoding/binary"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A config changes the network namespace in which its socket was opened.
type config struct {
	t   *testing.T
	fd  int
	seq uint32
}

func newConfig(t *testing.T) *config {
	t.Helper()
	fd, err := newRTNL()
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return &config{t: t, fd: fd}
}

func newRTNL() (int, error) {
	return unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
}

// try sends one request and returns the kernel's verdict. When it returns, the
// change is made and its notifications are queued.
func (c *config) try(kind uint16, flags uint16, body []byte) error {
	c.t.Helper()
	c.seq++
	ne := binary.NativeEndian
	b := ne.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	b = ne.AppendUint16(b, kind)
	b = ne.AppendUint16(b, flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	b = ne.AppendUint32(b, c.seq)
	b = append(ne.AppendUint32(b, 0), body...)
	require.NoError(c.t, unix.Sendto(c.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	reply := make([]byte, 8192)
	n, _, err := unix.Recvfrom(c.fd, reply, 0)
	require.NoError(c.t, err)
	require.GreaterOrEqual(c.t, n, unix.SizeofNlMsghdr+4)
	require.EqualValues(c.t, unix.NLMSG_ERROR, ne.Uint16(reply[4:]))
	require.Equal(c.t, c.seq, ne.Uint32(reply[8:]))
	if code := int32(ne.Uint32(reply[unix.SizeofNlMsghdr:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

func (c *config) do(kind, flags uint16, body []byte) {
	c.t.Helper()
	require.NoError(c.t, c.try(kind, flags, body))
}

const create = unix.NLM_F_CREATE | unix.NLM_F_EXCL

func attr(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func number(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }

func family(a netip.Addr) byte {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// ifinfo is the struct ifinfomsg.
func ifinfo(index int, flags, change uint32) []byte {
	b := append([]byte{unix.AF_UNSPEC, 0, 0, 0}, number(uint32(index))...)
	return append(append(b, number(flags)...), number(change)...)
}

func (c *config) up(index int) { c.do(unix.RTM_NEWLINK, 0, ifinfo(index, unix.IFF_UP, unix.IFF_UP)) }

func (c *config) down(index int) { c.do(unix.RTM_NEWLINK, 0, ifinfo(index, 0, unix.IFF_UP)) }

// veth makes two interfaces that are each other's ends, and brings them up.
func (c *config) veth(index, peer int) {
	c.t.Helper()
	body := append(ifinfo(index, 0, 0), attr(unix.IFLA_IFNAME, []byte("test0\x00"))...)
	const vethPeer = 1 // VETH_INFO_PEER
	other := append(ifinfo(peer, 0, 0), attr(unix.IFLA_IFNAME, []byte("test1\x00"))...)
	info := append(attr(unix.IFLA_INFO_KIND, []byte("veth")), attr(unix.IFLA_INFO_DATA, attr(vethPeer, other))...)
	err := c.try(unix.RTM_NEWLINK, create, append(body, attr(unix.IFLA_LINKINFO, info)...))
	if err == unix.EOPNOTSUPP {
		c.t.Skip("this kernel has no veth interfaces")
	}
	require.NoError(c.t, err)
	c.up(index)
	c.up(peer)
}

func addrBody(p netip.Prefix, index int) []byte {
	a := p.Addr()
	flags := byte(0)
	if a.Is6() {
		flags = unix.IFA_F_NODAD
	}
	b := append([]byte{family(a), byte(p.Bits()), flags, 0}, number(uint32(index))...)
	return append(append(b, attr(unix.IFA_LOCAL, a.AsSlice())...), attr(unix.IFA_ADDRESS, a.AsSlice())...)
}

func (c *config) addAddr(p netip.Prefix, index int) {
	c.t.Helper()
	c.do(unix.RTM_NEWADDR, create, addrBody(p, index))
}

func (c *config) delAddr(p netip.Prefix, index int) {
	c.t.Helper()
	c.do(unix.RTM_DELADDR, 0, addrBody(p, index))
}

// A testRoute is a route; a zero index is for kinds without an interface.
type testRoute struct {
	dst   netip.Prefix
	kind  byte
	table uint32
	index int
}

func localRoute(p netip.Prefix, index int) testRoute {
	return testRoute{p, unix.RTN_LOCAL, unix.RT_TABLE_LOCAL, index}
}

func (r testRoute) body() []byte {
	scope := byte(unix.RT_SCOPE_UNIVERSE)
	if r.kind == unix.RTN_LOCAL {
		scope = unix.RT_SCOPE_HOST
	} else if r.kind == unix.RTN_UNICAST && r.dst.Addr().Is4() {
		scope = unix.RT_SCOPE_LINK
	}
	b := []byte{family(r.dst.Addr()), byte(r.dst.Bits()), 0, 0, 0, unix.RTPROT_STATIC, scope, r.kind, 0, 0, 0, 0}
	b = append(b, attr(unix.RTA_TABLE, number(r.table))...)
	if r.dst.Bits() > 0 {
		b = append(b, attr(unix.RTA_DST, r.dst.Addr().AsSlice())...)
	}
	if r.index != 0 {
		b = append(b, attr(unix.RTA_OIF, number(uint32(r.index)))...)
	}
	return b
}

func (c *config) add(r testRoute) {
	c.t.Helper()
	c.do(unix.RTM_NEWROUTE, create, r.body())
}

func (c *config) del(r testRoute) {
	c.t.Helper()
	c.do(unix.RTM_DELROUTE, 0, r.body())
}

// addRule adds a rule that has packets to p looked up in a table.
func (c *config) addRule(p netip.Prefix, table uint32) {
	c.t.Helper()
	c.do(unix.RTM_NEWRULE, create, ruleBody(p, table))
}

func ruleBody(p netip.Prefix, table uint32) []byte {
	b := []byte{family(p.Addr()), byte(p.Bits()), 0, 0, 0, 0, 0, 1 /* FR_ACT_TO_TBL */, 0, 0, 0, 0}
	b = append(b, attr(1 /* FRA_DST */, p.Addr().AsSlice())...)
	return append(b, attr(15 /* FRA_TABLE */, number(table))...)
}

// forwardIPv6 makes the namespace a router.
func forwardIPv6(t *testing.T) {
	t.Helper()
	require.NoError(t, os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0))
}
