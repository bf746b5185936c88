package source

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

const (
	// probePeriod is how long an answer is good for at most.
	probePeriod = time.Second
	// maxProbes bounds the answers that are kept: the addresses may be forged.
	maxProbes = 1 << 12
)

// probes are answers to whether an address is the host's, where the routing tables cannot
// be asked: without netlink, and on other systems than Linux.
type probes struct {
	mu      sync.Mutex
	expires time.Time
	local   map[mmsg.Addr]bool // with port 0
}

func (p *probes) isLocal(a netip.Addr, ifindex uint32) bool {
	k := mmsg.Addr{AddrPort: netip.AddrPortFrom(a, 0)}
	if a.IsLinkLocalUnicast() && a.Is6() {
		k.Ifindex = ifindex
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.After(p.expires) || len(p.local) == maxProbes {
		p.local, p.expires = make(map[mmsg.Addr]bool), now.Add(probePeriod)
	}
	local, ok := p.local[k]
	if !ok {
		local = probe(a, k.Ifindex)
		p.local[k] = local
	}
	return local
}

// probe reports whether a socket can be bound to a, which the system allows for its own
// addresses: for groups, too, and for any other where net.ipv4.ip_nonlocal_bind is set, and then nothing is
// known.
func probe(a netip.Addr, ifindex uint32) bool {
	return !a.IsMulticast() && bindable(a, ifindex) && !bindable(nobodys[a.Is4()], 0)
}

// nobodys are addresses that are no host's, by whether they are IPv4 (RFC 1122, section
// 3.2.1.3; RFC 6666).
var nobodys = map[bool]netip.Addr{true: netip.MustParseAddr("0.0.0.1"), false: netip.MustParseAddr("100::1")}

func bindable(a netip.Addr, ifindex uint32) bool {
	addr := net.UDPAddr{IP: a.AsSlice()}
	if ifindex != 0 {
		addr.Zone = strconv.FormatUint(uint64(ifindex), 10)
	}
	conn, err := net.ListenUDP("udp", &addr)
	if err == nil {
		conn.Close()
	}
	return err == nil
}
