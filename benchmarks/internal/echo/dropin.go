//go:build linux

package echo

import (
	"net"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

func portOf(c *dsrudp.Conn) int { return c.LocalAddr().(*net.UDPAddr).Port }

// The methods of net, and the one pair for single datagrams that speaks of
// paths.
func init() {
	single := map[string]func(*dsrudp.Conn) error{
		"dsrudp AddrPort":     func(c *dsrudp.Conn) error { return addrPort(c) },
		"dsrudp ReadFrom":     func(c *dsrudp.Conn) error { return readFrom(c) },
		"dsrudp ReadFromUDP":  func(c *dsrudp.Conn) error { return readFromUDP(c) },
		"dsrudp ReadFromPath": readFromPath,
	}
	for name, loop := range single {
		servers[name] = func(s Spec) (*server, error) { return on(s, dsrudp.ListenConfig{}, loop) }
	}
}

func readFromPath(c *dsrudp.Conn) error {
	b := make([]byte, maxDatagram)
	for {
		n, path, err := c.ReadFromPath(b)
		if err == nil {
			_, err = c.WriteToPath(b[:n], path)
		}
		if until(err) {
			return nil
		}
	}
}
