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

// Answer receives a request and answers it.
func Answer(c net.PacketConn, b []byte) error {
	n, client, err := c.ReadFrom(b)
	if err != nil {
		return err
	}
	_, err = c.WriteTo(echo.Reply(b[:n]), client)
	return err
}

// Tell is Answer with what the program knows: the wildcard address.
func Tell(c net.PacketConn, b []byte) error {
	n, client, err := c.ReadFrom(b)
	if err != nil {
		return err
	}
	_, err = c.WriteTo(echo.Tell(b[:n], c.LocalAddr(), client), client)
	return err
}
