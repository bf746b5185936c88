package dsrudp

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/sockopt"
)

// ListenUDP acts like [net.ListenUDP] and returns a Conn, whose replies leave from
// the address that the request was sent to.
//
// An IPv6 address may be one that is only a local route of the host, as a load
// balancer's VIP is; net refuses to bind it. An address that is not the host's
// is EADDRNOTAVAIL as with net. Where the system cannot tell the destinations
// of datagrams the error matches ErrNotSupported.
func ListenUDP(network string, laddr *net.UDPAddr) (*Conn, error) {
	switch network {
	case "udp", "udp4", "udp6":
	default:
		return nil, &net.OpError{Op: "listen", Net: network, Addr: opAddr(laddr), Err: net.UnknownNetworkError(network)}
	}
	if laddr == nil {
		laddr = &net.UDPAddr{}
	}
	host, ok := hostOf(network, laddr)
	if !ok {
		c, err := net.ListenUDP(network, laddr) // for its error
		if err == nil {
			c.Close()
			err = &net.OpError{Op: "listen", Net: network, Addr: laddr, Err: syscall.EINVAL}
		}
		return nil, err
	}
	return new(ListenConfig).ListenPacket(context.Background(), network, net.JoinHostPort(host, strconv.Itoa(laddr.Port)))
}

// hostOf returns the host that net.ListenUDP makes of an address, in digits: a
// zone counts for IPv6 only, and 0.0.0.0 is the wildcard of udp6 too. It is
// false where net refuses the address.
func hostOf(network string, laddr *net.UDPAddr) (host string, ok bool) {
	if len(laddr.IP) == 0 {
		return "", true
	}
	addr, ok := netip.AddrFromSlice(laddr.IP)
	addr = addr.Unmap()
	switch {
	case !ok, addr.Is6() && network == "udp4":
		return "", false
	case addr.Is6():
		addr = addr.WithZone(laddr.Zone)
	case network == "udp6":
		return "", addr.IsUnspecified()
	}
	return addr.String(), true
}

// opAddr makes a nil address a nil net.Addr.
func opAddr(a *net.UDPAddr) net.Addr {
	if a == nil {
		return nil
	}
	return a
}

// ListenPacket acts like [net.ListenPacket] for the networks "udp", "udp4" and
// "udp6", and returns a Conn. See ListenUDP.
func ListenPacket(network, address string) (*Conn, error) {
	return new(ListenConfig).ListenPacket(context.Background(), network, address)
}

// ListenPacket listens as [net.ListenConfig.ListenPacket] does for the networks
// "udp", "udp4" and "udp6". See ListenUDP. Ctx only bounds the resolution of
// address.
func (lc *ListenConfig) ListenPacket(ctx context.Context, network, address string) (*Conn, error) {
	return lc.listen(ctx, network, address, lc.ReusePort, newListenGroup(lc))
}

// listen makes a socket of g.
func (lc *ListenConfig) listen(ctx context.Context, network, address string, reusePort bool, g listenGroup) (*Conn, error) {
	switch network {
	case "udp", "udp4", "udp6":
	default:
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	var s setup
	reuseLater := false
	nlc := net.ListenConfig{Control: func(network, address string, rc syscall.RawConn) error {
		if lc.Control != nil {
			if err := lc.Control(network, address, rc); err != nil {
				return err
			}
		}
		bind, err := parseBind(address)
		if err != nil {
			return err
		}
		e := rc.Control(func(fd uintptr) {
			if err = s.prepare(fd); err != nil {
				return
			}
			if reusePort && bind.Port() == 0 {
				// With port 0 and the option set the kernel may pick the
				// port of another socket of this user.
				reuseLater = true
			} else if reusePort {
				if err = notSupported(sockopt.SetReusePort(fd)); err != nil {
					return
				}
			}
			err = s.allow(fd, bind.Addr(), lc.FreeBind)
		})
		if e != nil {
			return e
		}
		return err
	}}
	pc, err := nlc.ListenPacket(ctx, network, address)
	if err != nil {
		s.close()
		return nil, err
	}
	uc := pc.(*net.UDPConn)
	c, err := s.listened(uc, network, lc, g)
	if err == nil && reuseLater {
		err = c.control(sockopt.SetReusePort)
	}
	if err == nil {
		err = c.sock.Own() // nobody else has uc
	}
	if err != nil {
		uc.Close()
		s.close()
		return nil, &net.OpError{Op: "listen", Net: network, Addr: uc.LocalAddr(), Err: err}
	}
	return c.complete(), nil
}

// parseBind parses the address that net tells a Control function it is about to
// bind: in digits, with the wildcard where a group was asked for, and without a
// host where none was given.
func parseBind(address string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(address)
	if err == nil && host == "" {
		address = net.JoinHostPort(netip.IPv6Unspecified().String(), port)
	}
	return netip.ParseAddrPort(address)
}
