//go:build linux

package lab

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"

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
// The pair computes no UDP checksums and passes a train of segments on whole:
// a capture shows checksums that are not filled in, and a train as one packet.
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
	l, err := h.Link(dev)
	if err != nil {
		return err
	}
	if err := h.nl.LinkSetUp(l); err != nil {
		return fmt.Errorf("lab: bringing up %s of %s: %w", dev, h.Name, err)
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
