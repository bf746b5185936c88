// Package boundone is the document's program that binds to the balancer's
// address: to one.
package boundone

import (
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
)

// Listen opens the program's sockets.
func Listen(vips []netip.Addr) ([]net.PacketConn, error) {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: vips[0].AsSlice(), Port: echo.Port})
	return []net.PacketConn{c}, err
}
