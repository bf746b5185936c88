// Package bound is the document's program that binds to the balancer's address,
// with a socket for each.
package bound

import (
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
)

// Listen opens the program's sockets.
func Listen(vips []netip.Addr) ([]net.PacketConn, error) {
	var cs []net.PacketConn
	for _, vip := range vips {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: vip.AsSlice(), Port: echo.Port})
		if err != nil {
			return cs, err
		}
		cs = append(cs, c)
	}
	return cs, nil
}
