//go:build linux

package echo

import "net"

// These are what a program has without this project. All of them reply from
// the address that the kernel chooses.
func init() {
	servers["net AddrPort"] = func(s Spec) (*server, error) {
		return each(s, func(c *net.UDPConn) (func() error, error) {
			return func() error { return addrPort(c) }, nil
		})
	}
	servers["net ReadFrom"] = func(s Spec) (*server, error) {
		return each(s, func(c *net.UDPConn) (func() error, error) {
			return func() error { return readFrom(c) }, nil
		})
	}
	servers["net ReadFromUDP"] = func(s Spec) (*server, error) {
		return each(s, func(c *net.UDPConn) (func() error, error) {
			return func() error { return readFromUDP(c) }, nil
		})
	}
}
