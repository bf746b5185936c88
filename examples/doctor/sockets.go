//go:build linux

package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Socket is an unconnected UDP socket.
type Socket struct {
	Local  netip.AddrPort // an IPv4 one of an IPv6 socket is unmapped
	V6Only bool
	UID    int
	Inode  uint64
	Queued int // bytes that wait for the program to read
	Drops  int
	PID    int // 0 where it may not be known
	Name   string
}

func (s Socket) String() string {
	owner := fmt.Sprintf("a program of user %d", s.UID)
	if s.PID != 0 {
		owner = fmt.Sprintf("%s[%d]", s.Name, s.PID)
	}
	if s.V6Only {
		return fmt.Sprintf("%v by %s, for IPv6 only", s.Local, owner)
	}
	return fmt.Sprintf("%v by %s", s.Local, owner)
}

// readSockets lists who listens on a UDP port, from /proc, for which no netlink is needed.
func readSockets(port uint16) ([]Socket, error) {
	if port == 0 {
		return nil, nil
	}
	var ss []Socket
	for _, file := range []string{"udp", "udp6"} {
		b, err := os.ReadFile("/proc/self/net/" + file)
		if os.IsNotExist(err) && file == "udp6" {
			continue // a host without IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("the sockets of the host cannot be read: %w", err)
		}
		ss = append(ss, only(parseSockets(string(b)), func(s Socket) bool { return s.Local.Port() == port })...)
	}
	if len(ss) == 0 {
		return nil, nil
	}
	owners, v6only := socketOwners(), takesNoIPv4(port)
	for i := range ss {
		ss[i].V6Only = v6only && ss[i].Local.Addr().Is6()
		if pid, ok := owners[ss[i].Inode]; ok {
			ss[i].PID = pid
			program, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)) // gone by now, perhaps
			ss[i].Name = filepath.Base(program)
		}
	}
	return ss, nil
}

// parseSockets parses /proc/net/udp or udp6.
func parseSockets(table string) (ss []Socket) {
	const unconnected = "07"
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 13 || f[3] != unconnected {
			continue
		}
		local, ok := parseHexAddr(f[1])
		if !ok {
			continue // the heading
		}
		s := Socket{Local: local}
		if _, rx, ok := strings.Cut(f[4], ":"); ok {
			n, _ := strconv.ParseUint(rx, 16, 32)
			s.Queued = int(n)
		}
		s.UID, _ = strconv.Atoi(f[7])
		s.Inode, _ = strconv.ParseUint(f[9], 10, 64)
		s.Drops, _ = strconv.Atoi(f[12])
		ss = append(ss, s)
	}
	return ss
}

// parseHexAddr parses an address as /proc shows it: words of 32 bits in the host's order.
func parseHexAddr(s string) (netip.AddrPort, bool) {
	address, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(address)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(b, 4) {
		binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), ok
}

// socketOwners returns a process for each socket, as far as they may be looked into.
func socketOwners() map[uint64]int {
	owners := map[uint64]int{}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*") // only a malformed pattern is an error
	for _, fd := range fds {
		target, err := os.Readlink(fd)
		inode, ok := strings.CutPrefix(target, "socket:[")
		if err != nil || !ok {
			continue
		}
		n, _ := strconv.ParseUint(strings.TrimSuffix(inode, "]"), 10, 64)
		owners[n], _ = strconv.Atoi(strings.Split(fd, "/")[2])
	}
	return owners
}

// takesNoIPv4 reports whether the port is free for IPv4, which sockets on [::] take too,
// unless they are for IPv6 only.
func takesNoIPv4(port uint16) bool {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: int(port)})
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// receivers returns the sockets to which the kernel delivers what comes for an address,
// and those that would get it if these were not there.
func receivers(ss []Socket, vip netip.Addr) (get, shadowed []Socket) {
	wildcards := []netip.Addr{netip.IPv6Unspecified()}
	if vip.Is4() {
		wildcards = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	for _, a := range append([]netip.Addr{vip}, wildcards...) {
		some := only(ss, func(s Socket) bool { return s.Local.Addr() == a && !(vip.Is4() && s.V6Only) })
		if len(get) == 0 {
			get = some
		} else {
			shadowed = append(shadowed, some...)
		}
	}
	return get, shadowed
}

// checkListeners says who gets what is sent to the VIPs.
func checkListeners(h *Host) (fs []Finding) {
	if h.Port == 0 {
		return nil
	}
	if len(h.Sockets) == 0 {
		return []Finding{{
			ID: "listen-nobody", Severity: Warn,
			Seen: fmt.Sprintf("Nobody listens on UDP port %d.", h.Port), Means: "Clients get no answer until the server runs.",
			Do: "start the server, if it should run by now.",
		}}
	}
	where := checkSets(h.Sockets, &fs)
	var missed []netip.Addr
	for _, vip := range h.VIPs {
		get, shadowed := receivers(h.Sockets, vip)
		if len(get) == 0 {
			missed = append(missed, vip)
		} else if len(shadowed) > 0 && (shadowed[0].PID != get[0].PID || get[0].PID == 0) {
			fs = append(fs, Finding{
				ID: "listen-shadowed", Severity: Warn,
				Seen:  fmt.Sprintf("What is sent to %v goes to %v, and not to %v.", vip, get[0], shadowed[0]),
				Means: "A socket bound to an address takes what is for it from one on the wildcard.",
				Do:    "if the one on the wildcard should answer, end the other.",
			})
		}
	}
	if len(missed) == 0 {
		return append(fs, Finding{ID: "listen", Seen: fmt.Sprintf("The port is open: %s.", list(where))})
	}
	return append(fs, Finding{
		ID: "listen-address", Severity: Bad,
		Seen:  fmt.Sprintf("The port is open only as %s: what is sent to %s reaches no socket.", list(where), list(missed)),
		Means: "The kernel rejects such requests (ICMP port unreachable); the server gets nothing and looks idle.",
		Do:    fmt.Sprintf("listen on the wildcard address, \":%d\", as with dsrudp.ListenUDP(\"udp\", &net.UDPAddr{Port: %d}).", h.Port, h.Port),
	})
}

// checkSets looks at the sockets of each address together, and returns a word on each set.
func checkSets(ss []Socket, fs *[]Finding) (where []string) {
	sets := map[string][]Socket{}
	for _, s := range ss {
		sets[s.Local.String()] = append(sets[s.Local.String()], s)
	}
	for _, a := range slices.Sorted(maps.Keys(sets)) {
		set, owners := sets[a], []string(nil)
		drops, queued := 0, 0
		for _, s := range set {
			drops, queued, owners = drops+s.Drops, queued+s.Queued, append(owners, s.String())
		}
		slices.Sort(owners)
		owners = slices.Compact(owners)
		text := set[0].String()
		if len(set) > 1 {
			text += fmt.Sprintf(" (%d sockets)", len(set))
		}
		where = append(where, text)
		if len(owners) > 1 {
			*fs = append(*fs, Finding{
				ID: "listen-shared", Severity: Warn,
				Seen:  fmt.Sprintf("Several processes share the port: %s.", list(owners)),
				Means: "With SO_REUSEPORT each gets the datagrams of some clients; with SO_REUSEADDR the last one that was bound gets all.",
				Do:    "if this is not a restart that hands over, end the one that should not run.",
			})
		}
		if drops > 0 {
			*fs = append(*fs, Finding{
				ID: "listen-drops", Severity: Warn,
				Seen:  fmt.Sprintf("The kernel has dropped %d datagrams at %s; %d bytes wait there to be read now.", drops, text, queued),
				Means: "The receive buffer was full (or checksums were wrong): the program did not read as fast as they came.",
				Do:    "a larger buffer takes bursts (ListenConfig.ReadBuffer, net.core.rmem_max; see -read-buffer), ListenN more processors. If the number does not grow it is of the past.",
			})
		}
	}
	return where
}
