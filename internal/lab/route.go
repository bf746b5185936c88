//go:build linux

package lab

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

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
	return h.delRoute(localRoute(p), dev)
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
	return h.delRoute(unicastRoute(p, via), dev)
}

func unicastRoute(p netip.Prefix, via netip.Addr) *netlink.Route {
	if !via.IsValid() {
		return &netlink.Route{Dst: ipNet(p), Scope: netlink.SCOPE_LINK}
	}
	return &netlink.Route{Dst: ipNet(p), Gw: via.AsSlice()}
}

func (h *Host) addRoute(r *netlink.Route, dev string) error {
	i, err := h.Index(dev)
	if err != nil {
		return err
	}
	r.LinkIndex = i
	if err := h.nl.RouteAdd(r); err != nil {
		return fmt.Errorf("lab: route %v on %s of %s: %w", r.Dst, dev, h.Name, err)
	}
	return nil
}

func (h *Host) delRoute(r *netlink.Route, dev string) error {
	i, err := h.Index(dev)
	if err != nil {
		return err
	}
	r.LinkIndex = i
	if err := h.nl.RouteDel(r); err != nil {
		return fmt.Errorf("lab: removing route %v on %s of %s: %w", r.Dst, dev, h.Name, err)
	}
	return nil
}
