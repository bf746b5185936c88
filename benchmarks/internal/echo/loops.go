//go:build linux

package echo

import (
	"net"
	"net/netip"
)

// The three pairs of methods are the same for net and for dsrudp.

type addrPortConn interface {
	ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
}

func addrPort(c addrPortConn) error {
	b := make([]byte, maxDatagram)
	for {
		n, addr, err := c.ReadFromUDPAddrPort(b)
		if err == nil {
			_, err = c.WriteToUDPAddrPort(b[:n], addr)
		}
		if until(err) {
			return nil
		}
	}
}

func readFrom(c net.PacketConn) error {
	b := make([]byte, maxDatagram)
	for {
		n, addr, err := c.ReadFrom(b)
		if err == nil {
			_, err = c.WriteTo(b[:n], addr)
		}
		if until(err) {
			return nil
		}
	}
}

type udpConn interface {
	ReadFromUDP([]byte) (int, *net.UDPAddr, error)
	WriteToUDP([]byte, *net.UDPAddr) (int, error)
}

func readFromUDP(c udpConn) error {
	b := make([]byte, maxDatagram)
	for {
		n, addr, err := c.ReadFromUDP(b)
		if err == nil {
			_, err = c.WriteToUDP(b[:n], addr)
		}
		if until(err) {
			return nil
		}
	}
}
