package source

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// probe reports whether an address is the host's, where the routing tables cannot be asked:
// without netlink, and on other systems than Linux. It is if a socket can be bound to it.
// Linux also binds to groups and broadcast addresses, of which no datagram comes, and where
// net.ipv4.ip_nonlocal_bind is set to any address, so that nothing is known then.
//
// Where no socket is to be had (EMFILE) the answer is yes, for once: a Server that takes an
// own address for a peer's may talk to itself without end.
func probe(a mmsg.Addr) (local, known bool) {
	addr := a.AddrPort.Addr()
	if addr.IsMulticast() {
		return false, true
	}
	err := bind(a)
	if err == nil {
		return bind(nobodys[addr.Is4()]) != nil, true
	}
	foreign := mmsg.AddrNotAvailable(err)
	return !foreign, foreign
}

// nobodys are addresses that are no host's, by whether they are IPv4 (RFC 1122, section
// 3.2.1.3; RFC 6666).
var nobodys = map[bool]mmsg.Addr{
	true:  {AddrPort: netip.MustParseAddrPort("0.0.0.1:0")},
	false: {AddrPort: netip.MustParseAddrPort("[100::1]:0")},
}

// bind returns the error of binding a socket to a.
func bind(a mmsg.Addr) error {
	addr := net.UDPAddrFromAddrPort(a.AddrPort)
	if a.Ifindex != 0 {
		addr.Zone = strconv.FormatUint(uint64(a.Ifindex), 10)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err == nil {
		conn.Close()
	}
	return err
}
