//go:build linux

package lab

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

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
	l, err := h.Link(dev)
	if err != nil {
		return err
	}
	if err := h.nl.AddrDel(l, &netlink.Addr{IPNet: ipNet(p)}); err != nil {
		return fmt.Errorf("lab: removing address %v from %s of %s: %w", p, dev, h.Name, err)
	}
	return nil
}

func (h *Host) addAddr(dev string, p netip.Prefix) error {
	l, err := h.Link(dev)
	if err != nil {
		return err
	}
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		// Without it the address is tentative for a moment, and until then
		// cannot be bound or named as the source of a route.
		a.Flags = unix.IFA_F_NODAD
	}
	if err := h.nl.AddrAdd(l, a); err != nil {
		return fmt.Errorf("lab: address %v on %s of %s: %w", p, dev, h.Name, err)
	}
	return nil
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
	l, err := h.Link(dev)
	if err != nil {
		return err
	}
	n.LinkIndex = l.Attrs().Index
	if err := h.nl.NeighSet(n); err != nil {
		return fmt.Errorf("lab: neighbour %v %v on %s of %s: %w", n.IP, n.HardwareAddr, dev, h.Name, err)
	}
	return nil
}
