package source

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// probe reports whether an address is the host's, where the routing tables cannot be asked:
// without netlink, and on other systems than Linux. It is if a socket can be bound to it.
// To groups one can be as well, and to any address where net.ipv4.ip_nonlocal_bind is set, so
// that nothing is known then.
func probe(a mmsg.Addr) (local, ok bool) {
	addr := a.AddrPort.Addr()
	return !addr.IsMulticast() && bindable(a) && !bindable(nobodys[addr.Is4()]), true
}

// nobodys are addresses that are no host's, by whether they are IPv4 (RFC 1122, section
// 3.2.1.3; RFC 6666).
var nobodys = map[bool]mmsg.Addr{
	true:  {AddrPort: netip.MustParseAddrPort("0.0.0.1:0")},
	false: {AddrPort: netip.MustParseAddrPort("[100::1]:0")},
}

func bindable(a mmsg.Addr) bool {
	addr := net.UDPAddrFromAddrPort(a.AddrPort)
	if a.Ifindex != 0 {
		addr.Zone = strconv.FormatUint(uint64(a.Ifindex), 10)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err == nil {
		conn.Close()
	}
	return err == nil
}
