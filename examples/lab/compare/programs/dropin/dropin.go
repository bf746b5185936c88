// Package dropin is the document's first program with dsrudp in place of net.
package dropin

import (
	"net"
	"net/netip"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
)

// Listen opens the program's sockets.
func Listen(vips []netip.Addr) ([]net.PacketConn, error) {
	c, err := dsrudp.ListenUDP("udp", &net.UDPAddr{Port: echo.Port})
	return []net.PacketConn{c}, err
}

// AnswerWithReport is echo.Answer with what the program knows: the address that ReadFrom returned
// carries the path of the request.
func AnswerWithReport(c net.PacketConn, b []byte) error {
	n, client, err := c.ReadFrom(b)
	if err != nil {
		return err
	}
	path, _ := dsrudp.PathOf(client)
	_, err = c.WriteTo(echo.Report(b[:n], path.Local, client), client)
	return err
}
