//go:build linux

package main

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
)

// protocols are the numbers by which routes say who entered them (rtnetlink(7) and
// /etc/iproute2/rt_protos).
var protocols = map[int]string{
	2: "an address of the interface", 3: "ip route", 4: "an administrator's configuration", 11: "zebra", 12: "BIRD",
	16: "DHCP", 18: "keepalived", 66: "Google's guest agent", 186: "BGP", 188: "OSPF",
}

// guestAgent is the protocol of the routes that Google's guest agent enters.
const guestAgent = 66

// checkVIPs says which VIPs are local, by whom, and what to do for those that are not.
func checkVIPs(h *Host) (fs []Finding) {
	if h.Netlink != nil {
		return nil // the routes are not known
	}
	by := map[string][]netip.Prefix{}
	for _, l := range h.Locals {
		if l.Owned {
			continue
		}
		who, ok := protocols[l.Protocol]
		if !ok {
			who = fmt.Sprintf("protocol %d", l.Protocol)
		}
		key := fmt.Sprintf("on %s, by %s", l.Dev, who)
		by[key] = append(by[key], l.Prefix)
	}
	for _, key := range slices.Sorted(maps.Keys(by)) {
		f := Finding{ID: "vip-found", Seen: fmt.Sprintf("Local to this host %s: %s.", key, list(by[key]))}
		if h.More > 0 {
			f.Means = fmt.Sprintf("Only the first %d were checked; give others as arguments.", mostVIPs)
		}
		fs = append(fs, f)
	}
	if len(by) == 0 && len(h.Asked) == 0 {
		fs = append(fs, Finding{
			ID: "vip-none", Severity: Bad,
			Seen:  "No VIP was found: there is no local route, and no address on lo, besides the host's own.",
			Means: "What the load balancer sends to a VIP, this host does not take for its own, and no server gets it.",
			Do:    addVIP(h, "VIP"),
		})
	}
	for _, a := range h.Asked {
		switch l, ok := h.local(a); {
		case a.IsLoopback():
		case !ok:
			fs = append(fs, Finding{
				ID: "vip-missing", Severity: Bad,
				Seen:  fmt.Sprintf("%v is not local to this host.", a),
				Means: "The kernel drops what arrives for it, or routes it on: no server gets it, and none can answer from it.",
				Do:    addVIP(h, netip.PrefixFrom(a, a.BitLen()).String()),
			})
		case l.Owned:
			fs = append(fs, Finding{ID: "vip-own", Seen: fmt.Sprintf("%v is an address of interface %s.", a, l.Dev)})
		}
	}
	return fs
}

// addVIP says how a VIP becomes local. On Compute Engine an agent has to do it, which
// undoes what others do.
func addVIP(h *Host, vip string) string {
	command := "\tsudo ip route add local " + vip + " dev lo"
	agent := "see why the guest agent has not added it: is this machine in a backend " +
		"of the forwarding rule, and does the agent run?\n\tsystemctl status 'google-guest-agent*'"
	if h.Google {
		return "on Google Cloud " + agent + "\nElsewhere add it:\n" + command
	}
	return "add it:\n" + command + "\nOn Google Cloud " + agent
}

// checkRPFilter looks for interfaces at which requests are dropped as the answers leave
// by another one.
func checkRPFilter(h *Host) []Finding {
	if h.Netlink != nil || !slices.ContainsFunc(h.VIPs, netip.Addr.Is4) {
		return nil
	}
	var strict, sure []string
	for _, i := range h.Interfaces {
		if i.RPFilter != 1 || i.DefaultRoute {
			continue
		}
		strict = append(strict, i.Name)
		for _, a := range h.VIPs {
			if l, ok := h.local(a); ok && l.Dev == i.Name && !slices.Contains(sure, i.Name) {
				sure = append(sure, i.Name)
			}
		}
	}
	f := Finding{ID: "rp-filter", Seen: "No interface drops requests by rp_filter that can be answered."}
	if len(strict) > 0 {
		f.Severity = Warn
		f.Seen = fmt.Sprintf("rp_filter is 1 on %s, and the default route leaves by another interface.", list(strict))
		f.Means = "The kernel drops what arrives there from clients, before any socket: the load balancer's datagrams too, if that is where they arrive."
		f.Do = "if the load balancer's datagrams arrive there, let them in from any source that has a route, and keep that in /etc/sysctl.d:"
		for _, dev := range strict {
			f.Do += fmt.Sprintf("\n\tsudo sysctl -w net.ipv4.conf.%s.rp_filter=2", dev)
		}
	}
	if len(sure) > 0 {
		f.Severity = Bad
		f.Seen += fmt.Sprintf(" The VIPs are on %s.", list(sure))
	}
	return []Finding{f}
}

// checkARP looks at what the host says of VIPs to its neighbours. With the addresses that
// Google's agent enters it does not matter: that network does not ask the host.
func checkARP(h *Host) []Finding {
	var vips []netip.Addr
	severity := Note
	for _, a := range h.VIPs {
		l, ok := h.local(a)
		if !a.Is4() || !ok || l.Owned {
			continue
		}
		vips = append(vips, a)
		if l.Protocol != guestAgent {
			severity = Warn
		}
	}
	var devs []string
	var do string
	for _, i := range h.Interfaces {
		if i.ARPIgnore == 0 || i.ARPAnnounce < 2 {
			devs = append(devs, fmt.Sprintf("%s (arp_ignore=%d, arp_announce=%d)", i.Name, i.ARPIgnore, i.ARPAnnounce))
			do += fmt.Sprintf("\n\tsudo sysctl -w net.ipv4.conf.%s.arp_ignore=1 net.ipv4.conf.%s.arp_announce=2", i.Name, i.Name)
		}
	}
	switch {
	case len(vips) == 0 || h.Netlink != nil:
		return nil
	case len(devs) == 0:
		return []Finding{{ID: "arp", Seen: "The host does not claim its VIPs by ARP."}}
	}
	return []Finding{{
		ID: "arp", Severity: severity,
		Seen: fmt.Sprintf("The host answers ARP for its VIPs, or asks in their name, on %s.", list(devs)),
		Means: "This is wrong only where load balancer and backends share an Ethernet segment, as with IPVS-DR: " +
			"the segment's router may then send requests to this host past the load balancer. In a cloud, behind a router, and with anycast it does not matter.",
		Do: "on a shared segment:" + do,
	}}
}

func prefix(n *net.IPNet) netip.Prefix {
	a, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	if len(n.Mask) == net.IPv4len {
		a = a.Unmap()
	}
	return netip.PrefixFrom(a, bits)
}
