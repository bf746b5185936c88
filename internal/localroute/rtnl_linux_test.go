package localroute

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const (
	inChild    = "LOCALROUTE_TEST_NAMESPACE"
	exitNoCaps = 77
)

// inNamespace runs the calling test again, in a process of its own with its
// own user and network namespaces, where it may do as it likes. It returns
// true there, with lo up, and false in the process that waits for it.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inChild) != "" {
		c := newConfig(t)
		if err := c.try(unix.RTM_NEWLINK, 0, ifinfo(lo, unix.IFF_UP, unix.IFF_UP)); err != nil {
			fmt.Printf("user namespaces have no capabilities here (bringing lo up: %v)\n", err)
			os.Exit(exitNoCaps)
		}
		return true
	}

	needNetlink(t)
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), inChild+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Skipf("no user and network namespaces for tests here: %v", err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitNoCaps {
		t.Skip(output.String())
	}
	require.NoError(t, err, output.String())
	if bytes.Contains(output.Bytes(), []byte("--- SKIP: "+t.Name())) {
		t.Skip(output.String())
	}
	require.Contains(t, output.String(), "--- PASS: "+t.Name())
	return false
}

// udpSocket opens a socket in the namespace of the process.
func udpSocket(t *testing.T) uintptr {
	t.Helper()
	fd, err := newUDP()
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return uintptr(fd)
}

func newUDP() (int, error) { return unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) }

// elsewhere makes another network namespace and returns a socket of it, which
// keeps it alive, and the means to change it. lo is up there.
func elsewhere(t *testing.T) (uintptr, *config) {
	t.Helper()
	var udp, rtnl int
	var errs [3]error
	onThrowawayThread(func() {
		errs[0] = unix.Unshare(unix.CLONE_NEWNET)
		udp, errs[1] = newUDP()
		rtnl, errs[2] = newRTNL()
	})
	require.NoError(t, errors.Join(errs[:]...))
	t.Cleanup(func() {
		unix.Close(udp)
		unix.Close(rtnl)
	})
	c := &config{t: t, fd: rtnl}
	c.up(lo)
	return uintptr(udp), c
}

// needNetlink skips the test where there are no netlink sockets, as under some emulators.
func needNetlink(t *testing.T) {
	t.Helper()
	fd, err := newRTNL()
	if err != nil {
		t.Skipf("netlink is denied: %v", err)
	}
	unix.Close(fd)
}

// openTable opens the Table of fd.
func openTable(t *testing.T, fd uintptr) *Table {
	t.Helper()
	needNetlink(t)
	table, err := Open(fd)
	require.NoError(t, err)
	t.Cleanup(func() { _ = table.Close() })
	forget(table)
	return table
}

// forget has table forget everything. Its clock does not advance by itself until
// then, so that what is remembered does not depend on how fast a test is.
func forget(table *Table) {
	table.Tick()
	table.Tick()
	table.mu.Lock()
	defer table.mu.Unlock()
	table.timer = time.AfterFunc(time.Hour, func() {})
}

// counting counts what a kernel is asked.
type counting struct {
	kernel
	n atomic.Int64
}

func (c *counting) ask(q question) (answer, error) {
	c.n.Add(1)
	return c.kernel.ask(q)
}

// countAsks is not to be called while t is in use.
func countAsks(t *Table) *atomic.Int64 {
	c := &counting{kernel: t.kernel}
	t.kernel = c
	return &c.n
}

// await waits until the kernel has made the local route of an IPv6 address that
// an interface was given, which it does in its own time.
func await(t *testing.T, table *Table, a netip.Addr, index uint32) {
	t.Helper()
	require.Eventually(t, func() bool {
		ok, err := table.Ask(a, index)
		return ok && err == nil
	}, 20*time.Second, time.Millisecond, "%v", a)
}

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

// try sends one request and returns the kernel's verdict.
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

// The interfaces of a namespace of the tests.
const (
	lo   = 1
	eth  = 2 // test0
	peer = 3 // test1, the other end of eth
	gone = 4
)

// veth makes eth and peer, and brings them up.
func (c *config) veth() {
	c.t.Helper()
	body := append(ifinfo(eth, 0, 0), attr(unix.IFLA_IFNAME, []byte("test0\x00"))...)
	const vethPeer = 1 // VETH_INFO_PEER
	other := append(ifinfo(peer, 0, 0), attr(unix.IFLA_IFNAME, []byte("test1\x00"))...)
	info := append(attr(unix.IFLA_INFO_KIND, []byte("veth")), attr(unix.IFLA_INFO_DATA, attr(vethPeer, other))...)
	err := c.try(unix.RTM_NEWLINK, create, append(body, attr(unix.IFLA_LINKINFO, info)...))
	if err == unix.EOPNOTSUPP {
		c.t.Skip("this kernel has no veth interfaces")
	}
	require.NoError(c.t, err)
	c.up(eth)
	c.up(peer)
}

// addAddr gives eth an address. What comes after it are further attributes.
func (c *config) addAddr(p string, flags byte, attrs ...byte) {
	c.t.Helper()
	prefix := netip.MustParsePrefix(p)
	a := prefix.Addr()
	b := append([]byte{family(a), byte(prefix.Bits()), flags, 0}, number(eth)...)
	b = append(append(b, attr(unix.IFA_LOCAL, a.AsSlice())...), attr(unix.IFA_ADDRESS, a.AsSlice())...)
	c.do(unix.RTM_NEWADDR, create, append(b, attrs...))
}

// A testRoute is a route; a zero index is for kinds without an interface.
type testRoute struct {
	dst   string
	kind  byte
	table uint32
	index uint32
}

func localRoute(p string) testRoute {
	return testRoute{p, unix.RTN_LOCAL, unix.RT_TABLE_LOCAL, lo}
}

func (r testRoute) body() []byte {
	scope := byte(unix.RT_SCOPE_UNIVERSE)
	dst := netip.MustParsePrefix(r.dst)
	if r.kind == unix.RTN_LOCAL {
		scope = unix.RT_SCOPE_HOST
	} else if r.kind == unix.RTN_UNICAST && dst.Addr().Is4() {
		scope = unix.RT_SCOPE_LINK
	}
	// A number that does not fit the byte is in the attribute.
	b := []byte{family(dst.Addr()), byte(dst.Bits()), 0, 0, byte(min(r.table, 255)), unix.RTPROT_STATIC, scope, r.kind, 0, 0, 0, 0}
	b = append(b, attr(unix.RTA_TABLE, number(r.table))...)
	if dst.Bits() > 0 {
		b = append(b, attr(unix.RTA_DST, dst.Addr().AsSlice())...)
	}
	if r.index != 0 {
		b = append(b, attr(unix.RTA_OIF, number(r.index))...)
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

// addRule adds a rule that has packets looked up in a table: those to and from a
// prefix, and that arrive on an interface. What is empty matches all.
func (c *config) addRule(table uint32, to, from, iif string) {
	c.t.Helper()
	b := []byte{0, 0, 0, 0, 0, 0, 0, 1 /* FR_ACT_TO_TBL */, 0, 0, 0, 0}
	b = append(b, attr(15 /* FRA_TABLE */, number(table))...)
	for i, s := range []string{to, from} {
		if s != "" {
			p := netip.MustParsePrefix(s)
			b[0], b[1+i] = family(p.Addr()), byte(p.Bits())
			b = append(b, attr(uint16(1+i) /* FRA_DST, FRA_SRC */, p.Addr().AsSlice())...)
		}
	}
	if iif != "" {
		b = append(b, attr(3 /* FRA_IIFNAME */, []byte(iif+"\x00"))...)
	}
	c.do(unix.RTM_NEWRULE, create, b)
}

// sysctl sets a value of the namespace.
func sysctl(t *testing.T, name, value string) {
	t.Helper()
	require.NoError(t, os.WriteFile("/proc/sys/net/"+name, []byte(value), 0))
}
