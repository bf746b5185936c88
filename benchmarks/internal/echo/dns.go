//go:build linux

package echo

import (
	"net"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

func init() {
	servers["miekg/dns SessionUDP"] = func(s Spec) (*server, error) {
		return each(s, func(c *net.UDPConn) (func() error, error) {
			return func() error { return session(c) }, nil
		}, option{unix.IPPROTO_IP, unix.IP_PKTINFO})
	}
}

func session(c *net.UDPConn) error {
	b := make([]byte, maxDatagram)
	for {
		n, s, err := dns.ReadFromSessionUDP(c, b)
		if err == nil {
			_, err = dns.WriteToSessionUDP(c, b[:n], s)
		}
		if until(err) {
			return nil
		}
	}
}
