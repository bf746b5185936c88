// Package naive is the document's first program, which answers from whatever
// address the kernel chooses.
package naive

import (
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
)

// Listen opens the program's sockets.
func Listen(vips []netip.Addr) ([]net.PacketConn, error) {
	c, err := net.ListenUDP("udp", &net.UDPAddr{Port: echo.Port})
	return []net.PacketConn{c}, err
}
