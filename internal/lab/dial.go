//go:build linux

package lab

import (
	"fmt"
	"net"
	"net/netip"
)

// DialUDP acts like [net.DialUDP] on the host. The socket is connected: it
// takes datagrams from remote only, which is what a client of a DNS, QUIC or
// game server does. A zero local address lets the kernel choose; the zone of a
// link-local address is best the number of [Host.Index]. The caller closes the
// connection.
func (h *Host) DialUDP(network string, local, remote netip.AddrPort) (*net.UDPConn, error) {
	var laddr *net.UDPAddr
	if local.IsValid() {
		laddr = net.UDPAddrFromAddrPort(local)
	}
	var c *net.UDPConn
	err := h.Do(func() (err error) {
		c, err = net.DialUDP(network, laddr, net.UDPAddrFromAddrPort(remote))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lab: %s: %w", h.Name, err)
	}
	return c, nil
}
