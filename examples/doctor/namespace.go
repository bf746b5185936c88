//go:build linux

package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A namespace is where the clients of the live test are: a network namespace with a cable
// (a veth pair) to the host. Neither end asks for the other's Ethernet address, so that
// settings of ARP do not matter.
type namespace struct {
	v4, v6 netip.Addr // of clients
	calls  chan func()
}

// loopback is used where no namespace may be made: the host itself. Its clients have
// another address than the VIP, to which any server would answer from the VIP.
var loopback = &namespace{v4: netip.MustParseAddr("127.0.0.1"), v6: netip.IPv6Loopback()}

// The addresses of the clients, from ranges for benchmarks (RFC 2544) and for private use
// (RFC 4193), and those of their gateway, which the host does not have.
var (
	client4  = netip.MustParsePrefix("198.18.255.254/32")
	client6  = netip.MustParsePrefix("fd64:7372:7564:7064::2/128")
	gateway4 = netip.MustParseAddr("198.18.255.253")
	gateway6 = netip.MustParseAddr("fe80::d0c")

	clientMAC = net.HardwareAddr{2, 0, 'd', 's', 'r', 1}
	hostMAC   = net.HardwareAddr{2, 0, 'd', 's', 'r', 2}
)

func init() {
	// The main goroutine keeps the first thread, and no other gets it: /proc/self shows the
	// namespace of that.
	runtime.LockOSThread()
}

// newNamespace makes a namespace and the cable to it. The kernel removes the cable, and what was
// entered for it, when close is called or the process ends.
func newNamespace() (*namespace, error) {
	n := &namespace{v4: client4.Addr(), v6: client6.Addr(), calls: make(chan func())}
	ready := make(chan error)
	go n.run(ready)
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("unshare: %w", err)
	}
	if err := n.wire(); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// run runs what do is given on a thread in a namespace of its own, which ends with it.
func (n *namespace) run(ready chan<- error) {
	runtime.LockOSThread() // not unlocked: the thread must not run anything else
	err := unix.Unshare(unix.CLONE_NEWNET)
	ready <- err
	for err == nil {
		f, ok := <-n.calls
		if !ok {
			return
		}
		f()
	}
}

// do calls f where clients are. Sockets that it makes stay there.
func (n *namespace) do(f func() error) error {
	if n.calls == nil {
		return f()
	}
	done := make(chan error)
	n.calls <- func() { done <- f() }
	return <-done
}

func cableName() string { return fmt.Sprintf("doctor%d", os.Getpid()) }

func (n *namespace) close() {
	if n.calls == nil {
		return
	}
	if l, err := netlink.LinkByName(cableName()); err == nil {
		_ = netlink.LinkDel(l) // else it goes with the namespace
	}
	close(n.calls)
}

// wire joins the namespace to the host.
func (n *namespace) wire() error {
	var ns *os.File
	if err := n.do(func() (err error) {
		ns, err = os.Open("/proc/thread-self/ns/net")
		return err
	}); err != nil {
		return err
	}
	defer ns.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = cableName(), hostMAC
	attrs.Index = 1<<20 + os.Getpid() // with the other end's index the kernel reports late that the link is up
	cable := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerHardwareAddr: clientMAC, PeerNamespace: netlink.NsFd(ns.Fd())}
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("veth: %w", err)
	}
	err := n.do(func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		for _, p := range []netip.Prefix{client4, client6} {
			if err := netlink.AddrAdd(l, &netlink.Addr{IPNet: ipNet(p), Flags: unix.IFA_F_NODAD}); err != nil {
				return err
			}
		}
		if err := connect(l, netip.MustParsePrefix("0.0.0.0/0"), gateway4, hostMAC); err != nil {
			return err
		}
		return connect(l, netip.MustParsePrefix("::/0"), gateway6, hostMAC)
	})
	if err != nil {
		return err
	}
	if err := connect(cable, client4, client4.Addr(), clientMAC); err != nil {
		return err
	}
	if sysctl("net/ipv6/conf/"+attrs.Name+"/disable_ipv6") == 0 {
		if err := connect(cable, client6, client6.Addr(), clientMAC); err != nil {
			return err
		}
	}
	if err := isUp(cable.Name); err != nil {
		return err
	}
	return n.do(func() error { return isUp("eth0") })
}

// isUp waits until an end of the cable carries datagrams, which takes a second at most.
func isUp(dev string) error {
	for range 500 {
		l, err := netlink.LinkByName(dev)
		if err != nil {
			return err
		}
		if l.Attrs().OperState == netlink.OperUp {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%s does not come up", dev)
}

// connect brings an end of the cable up, and enters a route over it and a neighbour there.
func connect(l netlink.Link, to netip.Prefix, neighbour netip.Addr, mac net.HardwareAddr) error {
	if err := netlink.LinkSetUp(l); err != nil {
		return err
	}
	r := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipNet(to), Scope: netlink.SCOPE_LINK}
	if to.Bits() == 0 {
		r.Gw, r.Scope, r.Flags = neighbour.AsSlice(), netlink.SCOPE_UNIVERSE, int(netlink.FLAG_ONLINK)
	}
	if err := netlink.RouteAdd(r); err != nil {
		return fmt.Errorf("route to %v: %w", to, err)
	}
	return netlink.NeighSet(&netlink.Neigh{
		LinkIndex: l.Attrs().Index, State: netlink.NUD_PERMANENT, IP: neighbour.AsSlice(), HardwareAddr: mac,
	})
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
