//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Host is what the checks look at. It is filled once, by gather, and only read then.
type Host struct {
	Options

	Kernel     Kernel
	Netlink    error        // why routes and interfaces are not known
	VIPs       []netip.Addr // those that the checks are about: given, or else found
	More       int          // found, and left out of VIPs
	Locals     []Local
	Interfaces []Interface
	Google     bool // the machine is Google's, or its guest agent has added VIPs

	Sockets []Socket // of UDP on the port
	Health  []Probe

	Firewall     []Rule
	FirewallErr  error    // why it is not known
	LegacyTables []string // of iptables-legacy

	GotReadBuffer, GotWriteBuffer int // bytes, of those that the server asks for
	DefaultWriteBuffer            int // bytes

	Live     []Live // of each VIP for net, and then for dsrudp
	LiveErr  error  // why clients were on loopback
	LivePort bool   // the server of Live had the port
	Answers  []Answer
}

// A Local is a local route: the host receives what is sent to an address in Prefix.
type Local struct {
	Prefix   netip.Prefix
	Dev      string
	Protocol int  // who entered the route, see protocols
	Owned    bool // an address of an interface other than lo and dummies
}

// An Interface has the IPv4 settings that matter for VIPs, as they are in effect.
type Interface struct {
	Name                             string
	RPFilter, ARPIgnore, ARPAnnounce int
	UnresQlenBytes                   int
	DefaultRoute                     bool // datagrams to clients leave by it
	Subnet                           bool // with neighbours that a forged source can name
}

// gather looks at the host in whose network namespace the calling goroutine is, which
// holds its thread.
func gather(o Options) (*Host, error) {
	if _, err := os.Stat("/proc/sys/net/ipv4"); err != nil {
		return nil, fmt.Errorf("the settings of the host cannot be read: %w", err)
	}
	h := &Host{Options: o, Kernel: readKernel()}
	h.Netlink = h.readRoutes()
	h.chooseVIPs()
	vendor := readLines("/sys/class/dmi/id/sys_vendor")
	h.Google = len(vendor) > 0 && vendor[0] == "Google" ||
		slices.ContainsFunc(h.Locals, func(l Local) bool { return l.Protocol == guestAgent })
	h.GotReadBuffer, h.GotWriteBuffer = triedBuffer(unix.SO_RCVBUF, o.ReadBuffer), triedBuffer(unix.SO_SNDBUF, o.WriteBuffer)
	h.DefaultWriteBuffer = triedBuffer(unix.SO_SNDBUF, 0)
	var err error
	if h.Sockets, err = readSockets(o.Port); err != nil {
		return nil, err
	}
	h.Firewall, h.FirewallErr = readFirewall(o.Port)
	h.LegacyTables = append(readLines("/proc/self/net/ip_tables_names"), readLines("/proc/self/net/ip6_tables_names")...)
	h.Health = probeHealth(h)
	h.tryClients()
	return h, nil
}

// readRoutes reads interfaces and the local table.
func (h *Host) readRoutes() error {
	links, err := complete(netlink.LinkList())
	if err != nil {
		return err
	}
	addrs, err := complete(netlink.AddrList(nil, netlink.FAMILY_ALL))
	if err != nil {
		return err
	}
	names, carriesVIPs := map[int]string{}, map[int]bool{}
	for _, l := range links {
		i := l.Attrs().Index
		names[i] = l.Attrs().Name
		carriesVIPs[i] = names[i] == "lo" || l.Type() == "dummy"
	}
	owned := map[netip.Addr]bool{}
	subnet := map[int]bool{}
	for _, a := range addrs {
		p := prefix(a.IPNet)
		if carriesVIPs[a.LinkIndex] {
			continue
		}
		owned[p.Addr()] = true
		subnet[a.LinkIndex] = subnet[a.LinkIndex] || p.Addr().Is4() && p.Bits() < 31
	}
	leaves := map[int]bool{}
	routes, err := complete(netlink.RouteList(nil, netlink.FAMILY_V4))
	if err != nil {
		return err
	}
	for _, r := range routes {
		if r.Dst == nil || prefix(r.Dst).Bits() == 0 {
			leaves[r.LinkIndex] = true
			for _, hop := range r.MultiPath {
				leaves[hop.LinkIndex] = true
			}
		}
	}
	for _, l := range links {
		a := l.Attrs()
		if a.RawFlags&unix.IFF_UP == 0 || a.RawFlags&unix.IFF_LOOPBACK != 0 {
			continue
		}
		h.Interfaces = append(h.Interfaces, Interface{
			Name:           a.Name,
			RPFilter:       largest("rp_filter", a.Name),
			ARPIgnore:      largest("arp_ignore", a.Name),
			ARPAnnounce:    largest("arp_announce", a.Name),
			UnresQlenBytes: sysctl("net/ipv4/neigh/" + a.Name + "/unres_qlen_bytes"),
			DefaultRoute:   leaves[a.Index],
			Subnet:         subnet[a.Index],
		})
	}
	return h.readLocals(names, owned)
}

// readLocals reads the table of local routes.
func (h *Host) readLocals(names map[int]string, owned map[netip.Addr]bool) error {
	filter := &netlink.Route{Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := complete(netlink.RouteListFiltered(family, filter, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE))
		if err != nil {
			return err
		}
		for _, r := range routes {
			p := prefix(r.Dst)
			if p.Addr().IsLoopback() || p.Addr().IsLinkLocalUnicast() {
				continue
			}
			h.Locals = append(h.Locals, Local{p, names[r.LinkIndex], int(r.Protocol), owned[p.Addr()] && p.IsSingleIP()})
		}
	}
	return nil
}

// local returns the narrowest local route to an address.
func (h *Host) local(a netip.Addr) (found Local, ok bool) {
	for _, l := range h.Locals {
		if l.Prefix.Contains(a) && (!ok || l.Prefix.Bits() > found.Prefix.Bits()) {
			found, ok = l, true
		}
	}
	return found, ok
}

// isLocal reports whether the host receives what is sent to an address.
func (h *Host) isLocal(a netip.Addr) bool {
	_, ok := h.local(a)
	return ok || a.IsLoopback()
}

// mostVIPs bounds how many of the VIPs found the checks look at.
const mostVIPs = 16

// chooseVIPs says which addresses the checks are about: those that were given, or else
// those found, of a range its first address that a host can have. Addresses that are not
// local may be another host's, which is not to be asked.
func (h *Host) chooseVIPs() {
	if len(h.Asked) > 0 {
		h.VIPs = only(h.Asked, func(a netip.Addr) bool { return h.Netlink != nil || h.isLocal(a) })
		return
	}
	for _, l := range h.Locals {
		if l.Owned {
			continue
		}
		a := l.Prefix.Addr()
		if !l.Prefix.IsSingleIP() {
			a = a.Next()
		}
		if slices.Contains(h.VIPs, a) {
			continue
		}
		if len(h.VIPs) == mostVIPs {
			h.More++
			continue
		}
		h.VIPs = append(h.VIPs, a)
	}
}

// complete ignores that a listing was changed while it was read.
func complete[T any](values []T, err error) ([]T, error) {
	if errors.Is(err, netlink.ErrDumpInterrupted) {
		err = nil
	}
	return values, err
}

// largest returns a setting of which the kernel takes the larger of an interface's and
// that of all.
func largest(key, dev string) int {
	return max(sysctl("net/ipv4/conf/"+dev+"/"+key), sysctl("net/ipv4/conf/all/"+key))
}

// sysctl returns a number under /proc/sys, or 0.
func sysctl(path string) int {
	b, err := os.ReadFile("/proc/sys/" + path)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

// triedBuffer returns how many bytes of a buffer a socket gets when it asks for some, or
// has if it asks for none.
func triedBuffer(option, size int) int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	if size > 0 {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, size) // what came of it is asked below
	}
	n, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
	if size > 0 {
		n /= 2 // the kernel doubles what is asked, for its own needs
	}
	return n
}

// readLines returns the lines of a file, and none of one that cannot be read.
func readLines(file string) []string {
	b, err := os.ReadFile(file)
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(b), "\n"), "\n")
}
