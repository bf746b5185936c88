package dsrudp

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/source"
)

// NewConn makes a Conn of a socket made elsewhere: passed by systemd or another
// process (see [net.FilePacketConn]), connected with [net.DialUDP], or joined to
// groups. It takes c over: Close closes it, and c is read and closed by nobody
// else from then on. When NewConn fails c is left to the caller, perhaps with
// options set.
//
// Datagrams that were queued before are answered from the right address too, or
// sending is ErrNoPath where it cannot be known (an IPv4 broadcast or multicast
// datagram queued before the socket had IP_PKTINFO).
//
// The Conn is as one made with the zero [ListenConfig] otherwise: not Strict, and with
// a path memory of its default size.
//
// A socket that receives several datagrams as one (UDP_GRO) is refused: turn
// that off first. So is one of another network namespace in which this process
// may not ask for local addresses, if it has IPV6_FREEBIND or IP_TRANSPARENT.
func NewConn(c *net.UDPConn) (*Conn, error) {
	if c == nil {
		return nil, &net.OpError{Op: "adopt", Net: "udp", Err: syscall.EINVAL}
	}
	network, connected := inspect(c)
	var s setup
	conn, err := s.adopt(c, network, connected)
	if err != nil {
		s.close()
		return nil, &net.OpError{Op: "adopt", Net: network, Source: c.LocalAddr(), Err: err}
	}
	conn.keepGuard(s.guard)
	return conn, nil
}

func (s *setup) adopt(c *net.UDPConn, network string, connected bool) (*Conn, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var bind netip.Addr
	if a, ok := c.LocalAddr().(*net.UDPAddr); ok {
		bind, _ = netip.AddrFromSlice(a.IP)
	}
	if err := control(raw, func(fd uintptr) error { return s.prepare(fd, bind, false) }); err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			return nil, op.Err
		}
		return nil, err
	}
	lc := new(ListenConfig)
	config := source.Config{Connected: connected, Adopted: true, Memory: lc.newMemory()}
	conn, err := s.conn(c, network, config, lc)
	if err == nil {
		conn.forgetDrops() // of before
	}
	return conn, err
}

// inspect finds out what net keeps to itself about c: the network's name and
// whether net counts it as connected, from the error of a send to nowhere, which
// net refuses by itself.
func inspect(c *net.UDPConn) (network string, connected bool) {
	_, err := c.WriteToUDPAddrPort(nil, netip.AddrPort{})
	network = "udp"
	var op *net.OpError
	if errors.As(err, &op) && op.Net != "" {
		network = op.Net
	}
	return network, errors.Is(err, net.ErrWriteToConnected)
}
