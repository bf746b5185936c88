//go:build linux

package lab_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// namespaceOf returns the namespace of the calling thread.
func namespaceOf(t testing.TB) string {
	ns, err := os.Readlink("/proc/thread-self/ns/net")
	require.NoError(t, err)
	return ns
}

// Do runs everything in the host's namespace, never on the first thread, and
// leaves no thread behind in it.
func TestDo(t *testing.T) {
	t.Parallel()
	h := labtest.NewHost(t, "h")
	own, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	require.Equal(t, namespaceOf(t), own, "the first thread is somewhere else")
	var inside string
	require.NoError(t, h.Do(func() error {
		inside = namespaceOf(t)
		return nil
	}))
	require.NotEqual(t, own, inside)

	// All at once, so that every thread there is takes part.
	const n = 64
	var running, ended sync.WaitGroup
	running.Add(n)
	for range n {
		ended.Go(func() {
			err := h.Do(func() error {
				running.Done()
				running.Wait()
				if unix.Gettid() == unix.Getpid() {
					return errors.New("on the first thread")
				}
				if ns := namespaceOf(t); ns != inside {
					return errors.New("in " + ns)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	ended.Wait()
	still, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	require.Equal(t, own, still)
	for range n {
		ended.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if ns := namespaceOf(t); ns == inside {
				t.Error("a goroutine was given a thread in the host's namespace")
			}
		})
	}
	ended.Wait()
}

func TestDoReturnsError(t *testing.T) {
	t.Parallel()
	want := errors.New("mine")
	require.Equal(t, want, labtest.NewHost(t, "h").Do(func() error { return want }))
}

// A test that fails in Do ends, as it would outside.
func TestDoGoexit(t *testing.T) {
	t.Parallel()
	h := labtest.NewHost(t, "h")
	returned := true
	done := make(chan struct{})
	go func() {
		defer close(done)
		returned = false
		_ = h.Do(func() error {
			runtime.Goexit()
			return nil
		})
		returned = true
	}()
	<-done
	require.False(t, returned)
}

// A socket made in Do is the host's, wherever it is used.
func TestLoopback(t *testing.T) {
	t.Parallel()
	a, b := labtest.NewHost(t, "a"), labtest.NewHost(t, "b")
	for _, addr := range []string{"127.0.0.1:60002", "[::1]:60002"} {
		to := netip.MustParseAddrPort(addr)
		serve(t, a, to)
		serve(t, b, to) // the same port, on another machine
		for _, h := range []*lab.Host{a, b} {
			require.Equal(t, h.Name+":hi", ask(t, dialFrom(t, h, to), "hi"))
		}
	}
}

// The first datagram over a new cable arrives: nothing of it is still under
// way when Connect and AddAddr return.
func TestConnect(t *testing.T) {
	t.Parallel()
	for range 20 {
		a, b := pair(t)
		i, err := a.Index("eth0")
		require.NoError(t, err)
		j, err := b.Index("eth0")
		require.NoError(t, err)
		require.NotEqual(t, i, j)
		for _, to := range []netip.AddrPort{far, far6} {
			serve(t, b, to)
			require.Equal(t, "b:hi", ask(t, dialFrom(t, a, to), "hi"))
		}
	}
}

// A cable may lead back to the same host.
func TestConnectToItself(t *testing.T) {
	t.Parallel()
	h := labtest.NewHost(t, "h")
	require.NoError(t, lab.Connect(h, "left", h, "right"))
	for _, dev := range []string{"left", "right"} {
		link, err := h.Link(dev)
		require.NoError(t, err)
		require.Equal(t, netlink.LinkOperState(netlink.OperUp), link.Attrs().OperState)
	}
}

// An address is local when AddAddr returns, though the kernel makes an IPv6
// address so only after it has answered.
func TestAddAddr(t *testing.T) {
	t.Parallel()
	h, _ := pair(t)
	for i := range 50 {
		for _, p := range []string{"198.51.100.%d/24", "2001:db8:50::%d/64"} {
			p := netip.MustParsePrefix(fmt.Sprintf(p, i+1))
			require.NoError(t, h.AddAddr("eth0", p))
			routes, err := h.Netlink().RouteGet(p.Addr().AsSlice())
			require.NoError(t, err)
			require.Equal(t, unix.RTN_LOCAL, routes[0].Type, p)
		}
	}
}

func TestLinkLocal(t *testing.T) {
	t.Parallel()
	a, b := labtest.NewHost(t, "a"), labtest.NewHost(t, "b")
	require.NoError(t, lab.Connect(a, "eth0", b, "eth0"))
	link, err := b.Link("eth0")
	require.NoError(t, err)
	addrs, err := b.Netlink().AddrList(link, netlink.FAMILY_V6)
	require.NoError(t, err)
	require.Len(t, addrs, 1)
	addr, _ := netip.AddrFromSlice(addrs[0].IP)
	require.True(t, addr.IsLinkLocalUnicast())

	serve(t, b, netip.AddrPortFrom(netip.IPv6Unspecified(), lab.Port))
	index, err := a.Index("eth0")
	require.NoError(t, err)
	c := dialFrom(t, a, netip.AddrPortFrom(addr.WithZone(strconv.Itoa(index)), lab.Port))
	require.Equal(t, "b:hi", ask(t, c, "hi"))
}

// A local route comes and goes; while it is there its addresses may be bound.
func TestLocalRoute(t *testing.T) {
	t.Parallel()
	h, _ := pair(t)
	for _, tt := range []struct{ route, in string }{
		{"198.51.100.2/32", "198.51.100.2"},
		{"198.18.0.0/15", "198.19.1.2"},
		{"2001:db8:1::2/128", "2001:db8:1::2"},
		{"2001:db8:2::/96", "2001:db8:2::1234:5678"},
	} {
		p, a := netip.MustParsePrefix(tt.route), netip.MustParseAddr(tt.in)
		local := func() bool {
			routes, err := h.Netlink().RouteGet(a.AsSlice())
			return err == nil && routes[0].Type == unix.RTN_LOCAL
		}
		require.False(t, local(), tt.route)
		require.NoError(t, h.AddLocalRoute(p, "eth0"))
		require.True(t, local(), tt.route)
		require.ErrorIs(t, h.AddLocalRoute(p, "eth0"), os.ErrExist)
		require.NoError(t, h.DelLocalRoute(p, "eth0"))
		require.False(t, local(), tt.route)
		require.ErrorIs(t, h.DelLocalRoute(p, "eth0"), unix.ESRCH)
	}
}

// Up also serves interfaces that Connect did not make.
func TestUp(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	lower, err := b.Index("eth0")
	require.NoError(t, err)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = "mac0", lower
	require.NoError(t, b.Netlink().LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}))
	require.NoError(t, b.Up("mac0"))
	for _, p := range []string{"192.0.2.3/24", "2001:db8::3/64"} {
		to := netip.MustParsePrefix(p)
		require.NoError(t, b.AddAddr("mac0", to))
		server := netip.AddrPortFrom(to.Addr(), lab.Port)
		serve(t, b, server)
		require.Equal(t, "b:hi", ask(t, dialFrom(t, a, server), "hi"))
	}

	// Without carrier there is nothing to wait for, and an address for later.
	attrs = netlink.NewLinkAttrs()
	attrs.Name = "br0"
	require.NoError(t, a.Netlink().LinkAdd(&netlink.Bridge{LinkAttrs: attrs}))
	require.NoError(t, a.AddAddr("br0", netip.MustParsePrefix("2001:db8:1::1/64")))
	require.NoError(t, a.Up("br0"))
	require.NoError(t, a.Up("lo"))
}

// A third host in the middle: routes, forwarding, neighbours, and taking them
// away.
func TestRouter(t *testing.T) {
	t.Parallel()
	a, r, b := labtest.NewHost(t, "a"), labtest.NewHost(t, "r"), labtest.NewHost(t, "b")
	require.NoError(t, lab.Connect(a, "eth0", r, "eth0"))
	require.NoError(t, lab.Connect(r, "eth1", b, "eth0"))
	require.NoError(t, r.Sysctl("net.ipv4.ip_forward", "1"))
	require.NoError(t, r.Sysctl("net.ipv6.conf.all.forwarding", "1"))
	for _, tt := range []struct{ near, nearRouter, farRouter, far, left, right string }{
		{"192.0.2.1", "192.0.2.254", "198.51.100.254", "198.51.100.1", "192.0.2.0/24", "198.51.100.0/24"},
		{"2001:db8:1::1", "2001:db8:1::fe", "2001:db8:2::fe", "2001:db8:2::1", "2001:db8:1::/64", "2001:db8:2::/64"},
	} {
		left, right := netip.MustParsePrefix(tt.left), netip.MustParsePrefix(tt.right)
		for _, x := range []struct {
			h    *lab.Host
			dev  string
			addr string
			p    netip.Prefix
		}{{a, "eth0", tt.near, left}, {r, "eth0", tt.nearRouter, left}, {r, "eth1", tt.farRouter, right}, {b, "eth0", tt.far, right}} {
			require.NoError(t, x.h.AddAddr(x.dev, netip.PrefixFrom(netip.MustParseAddr(x.addr), x.p.Bits())))
		}
		via := netip.MustParseAddr(tt.nearRouter)
		require.NoError(t, a.AddRoute(right, via, "eth0"))
		require.NoError(t, b.AddRoute(left, netip.MustParseAddr(tt.farRouter), "eth0"))
		link, err := r.Link("eth0")
		require.NoError(t, err)
		require.NoError(t, a.AddNeighbor("eth0", via, link.Attrs().HardwareAddr))

		far := netip.AddrPortFrom(netip.MustParseAddr(tt.far), lab.Port)
		serve(t, b, far)
		require.Equal(t, "b:hi", ask(t, dialFrom(t, a, far), "hi"))

		require.NoError(t, a.DelRoute(right, via, "eth0"))
		_, err = a.DialUDP("udp", netip.AddrPort{}, far)
		require.ErrorIs(t, err, unix.ENETUNREACH)
		require.NoError(t, b.DelAddr("eth0", netip.PrefixFrom(far.Addr(), right.Bits())))
	}
}

func TestSysctl(t *testing.T) {
	t.Parallel()
	a, b := labtest.NewHost(t, "a"), labtest.NewHost(t, "b")
	require.NoError(t, a.Sysctl("net.ipv4.ip_default_ttl", "7"))
	require.NoError(t, a.Sysctl("net/ipv4/conf/lo/forwarding", "1"))
	for h, want := range map[*lab.Host]string{a: "7\n", b: "64\n"} {
		require.NoError(t, h.Do(func() error {
			got, err := os.ReadFile("/proc/sys/net/ipv4/ip_default_ttl")
			require.NoError(t, err)
			require.Equal(t, want, string(got))
			return nil
		}))
	}
	require.ErrorContains(t, a.Sysctl("net.ipv4.no_such_thing", "1"), "net.ipv4.no_such_thing")
}

// Errors name the host and the thing.
func TestErrors(t *testing.T) {
	t.Parallel()
	h := labtest.NewHost(t, "the host")
	p := netip.MustParsePrefix("192.0.2.1/32")
	for what, err := range map[string]error{
		"Up":            h.Up("nothing"),
		"AddAddr":       h.AddAddr("nothing", p),
		"DelAddr":       h.DelAddr("nothing", p),
		"AddRoute":      h.AddRoute(p, netip.Addr{}, "nothing"),
		"AddLocalRoute": h.AddLocalRoute(p, "nothing"),
		"DelLocalRoute": h.DelLocalRoute(p, "nothing"),
		"AddNeighbor":   h.AddNeighbor("nothing", p.Addr(), nil),
		"Capture":       func() error { _, err := h.Capture("nothing"); return err }(),
		"Connect":       lab.Connect(h, "a name that is too long", h, "x"),
	} {
		require.ErrorContains(t, err, "the host", what)
	}
	require.ErrorContains(t, h.Up("nothing"), "nothing")
}
