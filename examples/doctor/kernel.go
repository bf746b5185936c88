//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Kernel is what the kernel reports about itself.
type Kernel struct {
	Release string // of uname(2), such as 6.18.44
	Version string // /proc/version
	GSO     bool   // it takes UDP_SEGMENT
	GRO     bool   // it takes UDP_GRO
}

func readKernel() (k Kernel) {
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		k.Release = unix.ByteSliceToString(u.Release[:])
	}
	version, _ := os.ReadFile("/proc/version") // empty where there is none
	k.Version = strings.TrimSpace(string(version))
	if fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
		defer unix.Close(fd)
		_, err = unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		k.GSO = err == nil
		_, err = unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO)
		k.GRO = err == nil
	}
	return k
}

// gVisor reports whether the kernel is gVisor's. It calls itself Linux, by one date of
// build in all releases.
func (k Kernel) gVisor() bool {
	return strings.Contains(k.Release, "gvisor") || strings.Contains(k.Version, "#1 SMP Sun Jan 10 15:06:54 PST 2016")
}

// corrupts reports whether the release is one of those reported to corrupt messages of
// several segments of one length: 7.0 to 7.1.4.
func (k Kernel) corrupts() bool {
	var v [3]int
	for i, s := range strings.SplitN(k.Release, ".", 3) {
		if end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			s = s[:end]
		}
		v[i], _ = strconv.Atoi(s)
	}
	return v[0] == 7 && (v[1] == 0 || v[1] == 1 && v[2] <= 4)
}

func checkKernel(h *Host) []Finding {
	k := h.Kernel
	switch {
	case k.gVisor():
		return []Finding{{
			ID: "gvisor", Severity: Bad,
			Seen:  fmt.Sprintf("The kernel is gVisor: %s.", k.Version),
			Means: "It was reported to ignore the source that a program sets on a datagram, so that answers leave from another address than was asked. No program can set that right.",
			Do:    "run the server under the host's kernel (the runtime class runc, say), or bind one socket to each VIP.",
		}}
	case k.corrupts():
		return []Finding{{
			ID: "kernel-corrupts", Severity: Warn,
			Seen:  fmt.Sprintf("The kernel is Linux %s; 7.0 to 7.1.4 were reported to corrupt datagrams that are sent together (UDP_SEGMENT).", k.Release),
			Means: "This library sends each by itself there, which is slower. Other programs (of QUIC, above all) may send wrong bytes.",
			Do:    "update the kernel to 7.1.5 or later.",
		}}
	case !k.GSO || !k.GRO:
		return []Finding{{
			ID: "kernel-offload", Severity: Note,
			Seen:  fmt.Sprintf("The kernel, Linux %s, has UDP_SEGMENT: %t, UDP_GRO: %t.", k.Release, k.GSO, k.GRO),
			Means: "Without them everything works, and takes more processor time under load. Linux has them from 4.18 and 5.0.",
		}}
	}
	return []Finding{{ID: "kernel", Seen: fmt.Sprintf("Linux %s, with UDP_SEGMENT and UDP_GRO.", k.Release)}}
}

// checkNetlink says what does not work where netlink is denied.
func checkNetlink(h *Host) []Finding {
	if h.Netlink == nil {
		return []Finding{{ID: "netlink", Seen: "The process may ask the kernel for routes (netlink)."}}
	}
	return []Finding{{
		ID: "netlink-denied", Severity: Bad,
		Seen: fmt.Sprintf("The kernel cannot be asked for routes: %v.", h.Netlink),
		Means: "For a server under the same restriction, IPv6 VIPs that are only local routes do not work: it can neither bind to them nor answer from them. " +
			"IPv4 works. VIPs could not be listed here.",
		Do: "if this runs as a systemd unit with RestrictAddressFamilies, add netlink to the unit's families; in a container, allow socket(AF_NETLINK) in the seccomp profile:\n" +
			"\tRestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
	}}
}

// checkBuffers compares what a socket got with what was asked.
func checkBuffers(h *Host) (fs []Finding) {
	for _, b := range []struct {
		id, setting string
		asked, got  int
	}{{"read-buffer", "rmem_max", h.ReadBuffer, h.GotReadBuffer}, {"write-buffer", "wmem_max", h.WriteBuffer, h.GotWriteBuffer}} {
		switch {
		case b.asked == 0:
		case b.got < b.asked:
			fs = append(fs, Finding{
				ID: b.id, Severity: Bad,
				Seen:  fmt.Sprintf("A socket that asks for a buffer of %d bytes gets %d.", b.asked, b.got),
				Means: "The kernel reduces it without an error to net.core." + b.setting + ": bursts that should fit are dropped.",
				Do:    fmt.Sprintf("raise the limit, and keep that in /etc/sysctl.d:\n\tsudo sysctl -w net.core.%s=%d", b.setting, b.asked),
			})
		default:
			fs = append(fs, Finding{ID: b.id, Seen: fmt.Sprintf("A socket that asks for a buffer of %d bytes gets it.", b.asked)})
		}
	}
	return fs
}

// checkNeighbours looks whether datagrams for hosts that do not answer ARP can fill the
// send buffer, which all clients share.
func checkNeighbours(h *Host) []Finding {
	buffer := h.DefaultWriteBuffer
	if h.WriteBuffer > 0 {
		buffer = 2 * h.GotWriteBuffer // as the kernel counts it
	}
	for _, i := range h.Interfaces {
		if !i.Subnet || buffer == 0 || buffer >= 4*i.UnresQlenBytes {
			continue
		}
		return []Finding{{
			ID: "neighbours", Severity: Note,
			Seen: fmt.Sprintf("On %s up to %d bytes of answers wait for each address of its subnet that no host has, and a socket may have %d bytes waiting in all.",
				i.Name, i.UnresQlenBytes, buffer),
			Means: "So it is with the default settings of Linux. It matters only where datagrams can arrive whose sources are forged, from addresses of the subnet that no host has: " +
				"a few of them are enough for answers to all clients to wait for seconds, or be dropped.",
			Do: "against that give the server a larger buffer (ListenConfig.WriteBuffer, and -write-buffer here), or let less wait:\n" +
				fmt.Sprintf("\tsudo sysctl -w net.core.wmem_max=8388608\n\tsudo sysctl -w net.ipv4.neigh.%s.unres_qlen_bytes=16384", i.Name),
		}}
	}
	return nil
}
