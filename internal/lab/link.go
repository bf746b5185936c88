//go:build linux

package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Link returns the host's interface called dev.
func (h *Host) Link(dev string) (netlink.Link, error) {
	l, err := h.nl.LinkByName(dev)
	if err != nil {
		return nil, fmt.Errorf("lab: interface %s of %s: %w", dev, h.Name, err)
	}
	return l, nil
}

// Index returns the index of the host's interface called dev.
func (h *Host) Index(dev string) (int, error) {
	l, err := h.Link(dev)
	if err != nil {
		return 0, err
	}
	return l.Attrs().Index, nil
}

// Connect joins two hosts, or one to itself, by a new cable (a veth pair) with
// an interface at each end. Both are up, have a link-local IPv6 address, and
// carry datagrams, when it returns.
//
// The pair computes no UDP checksums and passes a message of segments
// (UDP_SEGMENT) on whole: a capture shows checksums that are not filled in, and
// such a message as one packet.
func Connect(a *Host, devA string, b *Host, devB string) error {
	if err := connect(end{host: a, dev: devA}, end{host: b, dev: devB}, 0); err != nil {
		return err
	}
	return errors.Join(a.settle(devA), b.settle(devB))
}

// An end is one end of a cable. Without an address the kernel chooses one.
type end struct {
	host *Host
	dev  string
	mac  net.HardwareAddr
}

// The first end of a cable gets an index above firstIndex, the other one what
// comes next in its namespace, from 2 up. The indexes of the two ends must
// differ: an interface whose peer has the same index, though in another
// namespace, does not look to the kernel like one end of a pair, and if many
// interfaces change it may take a second to declare it up (the function
// linkwatch_urgent_event has the rule).
const firstIndex = 1000

var cables atomic.Int32

// connect makes the cable and brings both ends up, without waiting for them.
func connect(a, b end, mtu int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr, attrs.MTU = a.dev, a.mac, mtu
	attrs.Index = firstIndex + int(cables.Add(1))
	pair := &netlink.Veth{
		LinkAttrs:        attrs,
		PeerName:         b.dev,
		PeerHardwareAddr: b.mac,
		PeerNamespace:    netlink.NsFd(b.host.ns),
	}
	if err := a.host.nl.LinkAdd(pair); err != nil {
		return fmt.Errorf("lab: cable from %s of %s to %s of %s: %w", a.dev, a.host.Name, b.dev, b.host.Name, err)
	}
	return errors.Join(a.host.setUp(a.dev), b.host.setUp(b.dev))
}

// Up brings an interface up, and returns when it carries datagrams if it can:
// an interface without carrier is up but not waited for.
func (h *Host) Up(dev string) error {
	if err := h.setUp(dev); err != nil {
		return err
	}
	return h.settle(dev)
}

func (h *Host) setUp(dev string) error {
	return h.withLink("bringing up", dev, h.nl.LinkSetUp)
}

// withLink calls f with the interface called dev. An error says what f was to do.
func (h *Host) withLink(what, dev string, f func(l netlink.Link) error) error {
	l, err := h.Link(dev)
	if err != nil {
		return err
	}
	if err := f(l); err != nil {
		return fmt.Errorf("lab: %s on %s of %s: %w", what, dev, h.Name, err)
	}
	return nil
}

// settle waits until the kernel has finished with an interface what it does
// out of the caller's sight. Until then it drops what is sent through it, or
// does not yet take its IPv6 addresses for local.
func (h *Host) settle(dev string) error {
	return h.await("interface "+dev, func() (bool, error) {
		l, err := h.Link(dev)
		if err != nil {
			return false, err
		}
		const running = unix.IFF_UP | unix.IFF_LOWER_UP
		if l.Attrs().RawFlags&running != running {
			return true, nil // without carrier nothing is going to happen
		}
		if !isUp(l) {
			return false, nil
		}
		addrs, err := h.nl.AddrList(l, netlink.FAMILY_V6)
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			return false, nil // by a change, which is announced
		} else if err != nil {
			return false, fmt.Errorf("lab: addresses of %s of %s: %w", dev, h.Name, err)
		}
		return !slices.ContainsFunc(addrs, func(a netlink.Addr) bool {
			return a.Flags&unix.IFA_F_TENTATIVE != 0 || !h.isLocal(a.IP, l)
		}), nil
	})
}

// isUp says whether an interface with carrier is ready to send. The state of
// many stays unknown for good, and they are. That of one end of a cable is
// unknown for a moment only, and its queue may not be in place during it.
func isUp(l netlink.Link) bool {
	state := l.Attrs().OperState
	return state == netlink.OperUp || state == netlink.OperUnknown && l.Type() != "veth"
}

// isLocal says whether the host takes datagrams for ip on the interface.
func (h *Host) isLocal(ip net.IP, l netlink.Link) bool {
	routes, err := h.nl.RouteGetWithOptions(ip, &netlink.RouteGetOptions{OifIndex: l.Attrs().Index})
	return err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL
}

// AddAddr gives an interface an address with the length of its network, such
// as 192.0.2.1/24, and returns when the host takes datagrams for it (an IPv6
// address on an interface that is not up waits for Up to do so).
func (h *Host) AddAddr(dev string, p netip.Prefix) error {
	if err := h.addAddr(dev, p); err != nil {
		return err
	}
	return h.settle(dev)
}

// DelAddr takes the address from the interface. The kernel removes what stood
// on it, such as routes that name it as source; and with the last IPv4 address
// of an interface all its IPv4 routes, local ones too.
func (h *Host) DelAddr(dev string, p netip.Prefix) error {
	return h.withLink(fmt.Sprintf("removing address %v", p), dev, func(l netlink.Link) error {
		return h.nl.AddrDel(l, &netlink.Addr{IPNet: ipNet(p)})
	})
}

func (h *Host) addAddr(dev string, p netip.Prefix) error {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		// Without it the address is tentative for a moment, and until then
		// cannot be bound or named as the source of a route.
		a.Flags = unix.IFA_F_NODAD
	}
	return h.withLink(fmt.Sprintf("address %v", p), dev, func(l netlink.Link) error { return h.nl.AddrAdd(l, a) })
}

// AddNeighbor enters the Ethernet address of a neighbour for good, so that it
// is never asked for.
func (h *Host) AddNeighbor(dev string, a netip.Addr, mac net.HardwareAddr) error {
	return h.setNeighbor(dev, &netlink.Neigh{State: netlink.NUD_PERMANENT, IP: a.AsSlice(), HardwareAddr: mac})
}

// forwardTo makes the bridge whose port dev is send frames for mac out of it,
// without having to learn it and to flood until then.
func (h *Host) forwardTo(dev string, mac net.HardwareAddr) error {
	return h.setNeighbor(dev, &netlink.Neigh{
		Family: unix.AF_BRIDGE, Flags: netlink.NTF_MASTER, State: netlink.NUD_NOARP, HardwareAddr: mac,
	})
}

func (h *Host) setNeighbor(dev string, n *netlink.Neigh) error {
	return h.withLink(fmt.Sprintf("neighbour %v %v", n.IP, n.HardwareAddr), dev, func(l netlink.Link) error {
		n.LinkIndex = l.Attrs().Index
		return h.nl.NeighSet(n)
	})
}

// guestAgent is the protocol number of the routes that Compute Engine's guest
// agent enters for a balancer's addresses: the "proto 66" of the document.
const guestAgent = 66

// AddLocalRoute makes the host take datagrams for the addresses in p, one or a
// whole range, though no interface owns them:
//
//	ip route add local P dev DEV proto 66 scope host
//
// In IPv4 the kernel drops the route with the interface's last address, in
// IPv6 when the interface goes down.
func (h *Host) AddLocalRoute(p netip.Prefix, dev string) error {
	return h.addRoute(localRoute(p), dev)
}

// DelLocalRoute withdraws what AddLocalRoute entered.
func (h *Host) DelLocalRoute(p netip.Prefix, dev string) error {
	return h.changeRoute("removing route", h.nl.RouteDel, localRoute(p), dev)
}

// localRoute names the type and the table both: iproute2 infers the table from
// the type, the kernel does not, and a local route in another table receives
// but cannot send.
func localRoute(p netip.Prefix) *netlink.Route {
	return &netlink.Route{
		Dst:      ipNet(p),
		Type:     unix.RTN_LOCAL,
		Table:    unix.RT_TABLE_LOCAL,
		Scope:    netlink.SCOPE_HOST,
		Protocol: guestAgent,
	}
}

// AddRoute enters a route to p out of dev, through the neighbour via, or
// directly if via is the zero Addr. Use [Host.Netlink] for other kinds.
func (h *Host) AddRoute(p netip.Prefix, via netip.Addr, dev string) error {
	return h.addRoute(unicastRoute(p, via), dev)
}

// DelRoute removes what AddRoute entered.
func (h *Host) DelRoute(p netip.Prefix, via netip.Addr, dev string) error {
	return h.changeRoute("removing route", h.nl.RouteDel, unicastRoute(p, via), dev)
}

func unicastRoute(p netip.Prefix, via netip.Addr) *netlink.Route {
	if !via.IsValid() {
		return &netlink.Route{Dst: ipNet(p), Scope: netlink.SCOPE_LINK}
	}
	return &netlink.Route{Dst: ipNet(p), Gw: via.AsSlice()}
}

func (h *Host) addRoute(r *netlink.Route, dev string) error {
	return h.changeRoute("route", h.nl.RouteAdd, r, dev)
}

func (h *Host) changeRoute(what string, change func(*netlink.Route) error, r *netlink.Route, dev string) error {
	return h.withLink(fmt.Sprintf("%s %v", what, r.Dst), dev, func(l netlink.Link) error {
		r.LinkIndex = l.Attrs().Index
		return change(r)
	})
}

// events is a subscription to what the kernel announces of a namespace's
// interfaces, IPv6 addresses and IPv6 routes. Only that something happened is
// of interest, never what.
type events struct {
	file *os.File
	conn syscall.RawConn
}

// subscribe opens a subscription to the namespace of the calling thread.
func subscribe() (*events, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV6_ROUTE)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	e := &events{file: os.NewFile(uintptr(fd), "rtnetlink")}
	if e.conn, err = e.file.SyscallConn(); err != nil {
		e.file.Close()
		return nil, err
	}
	return e, nil
}

func (e *events) Close() error { return e.file.Close() }

// wait returns when something was announced since the last call, or with
// [os.ErrDeadlineExceeded].
func (e *events) wait(deadline time.Time) error {
	if err := e.file.SetReadDeadline(deadline); err != nil {
		return err
	}
	var buf [4096]byte
	announced := false
	var failed error
	err := e.conn.Read(func(fd uintptr) bool {
		for {
			_, err := unix.Read(int(fd), buf[:])
			switch err {
			case nil, unix.ENOBUFS: // a full buffer too says that something happened
				announced = true
			case unix.EINTR:
			case unix.EAGAIN:
				return announced
			default:
				failed = os.NewSyscallError("read", err)
				return true
			}
		}
	})
	return errors.Join(err, failed)
}

// settleTimeout bounds the wait for something that takes the kernel less than
// a millisecond on an idle machine.
const settleTimeout = 10 * time.Second

// await returns when ready is true. It asks again after each announcement, so
// that it neither sleeps nor polls.
func (h *Host) await(what string, ready func() (bool, error)) error {
	h.settling.Lock()
	defer h.settling.Unlock()
	deadline := time.Now().Add(settleTimeout)
	for {
		ok, err := ready()
		if err != nil || ok {
			return err
		}
		if err := h.events.wait(deadline); err != nil {
			return fmt.Errorf("lab: waiting on %s for %s: %w", h.Name, what, err)
		}
	}
}
