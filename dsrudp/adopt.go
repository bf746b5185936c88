package dsrudp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// NewConn makes a Conn of a socket made elsewhere: passed by systemd or another
// process (see [net.FilePacketConn]), connected with [net.DialUDP], or joined to
// groups. It acts like [ListenConfig.NewConns] with the zero ListenConfig.
func NewConn(c *net.UDPConn) (*Conn, error) {
	conns, err := new(ListenConfig).NewConns(c)
	if err != nil {
		return nil, err
	}
	return conns[0], nil
}

// NewConns makes Conns of sockets made elsewhere, in the same order, with the options
// of lc. It takes the sockets over: Close of a Conn closes its socket, which is read and
// closed by nobody else from then on. When NewConns fails it returns no Conn, and all
// sockets are left to the caller, perhaps with options set.
//
// Conns of one port share one path memory, as those of ListenN do. A socket that is not
// bound yet is bound to a free port. Of deadlines that were set before that of reads holds,
// and that of writes is cleared.
//
// Datagrams that were queued before are answered from the right address too, or
// sending is ErrNoPath where it cannot be known (an IPv4 broadcast or multicast
// datagram queued before the socket had IP_PKTINFO).
//
// A socket that receives several datagrams as one (UDP_GRO) is refused without
// ListenConfig.GRO: turn that off first. So is one of another network namespace in which
// this process may not ask for local addresses, if it has IPV6_FREEBIND or IP_TRANSPARENT.
func (lc *ListenConfig) NewConns(sockets ...*net.UDPConn) (_ []*Conn, err error) {
	setups := make([]setup, len(sockets))
	defer func() {
		if err != nil {
			for i := range setups {
				setups[i].close()
			}
		}
	}()
	conns := make([]*Conn, len(sockets))
	memories := make(map[uint16]*pathmem.Table) // by port: a remote may ask one VIP at each
	for i, u := range sockets {
		if u == nil || slices.Index(sockets, u) < i {
			err = fmt.Errorf("the socket with index %d is nil or given twice: %w", i, syscall.EINVAL)
			return nil, &net.OpError{Op: "adopt", Net: "udp", Err: err}
		}
		setups[i].lc = lc
		if conns[i], err = setups[i].adopt(u, memories); err != nil {
			return nil, err
		}
	}
	// Last, as a socket that is left to the caller must not join datagrams.
	for i, c := range conns {
		if err := c.setGRO(lc.GRO); err != nil {
			return nil, adoptError(sockets[i], c.network, err)
		}
	}
	for i, c := range conns {
		c.keepGuard(setups[i].guard)
		// Only net knows what it was, and sends are tried without net.
		_ = c.sock.SetWriteDeadline(time.Time{}) // the error is the socket's being closed
	}
	return conns, nil
}

func adoptError(u *net.UDPConn, network string, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return &net.OpError{Op: "adopt", Net: network, Source: u.LocalAddr(), Err: notSupported(err)}
}

// adopt makes a Conn of u, with the path memory of its port.
func (s *setup) adopt(u *net.UDPConn, memories map[uint16]*pathmem.Table) (*Conn, error) {
	network, connected := inspect(u)
	laddr, err := s.prepareAdopted(u)
	if err != nil {
		return nil, adoptError(u, network, err)
	}
	memory, ok := memories[uint16(laddr.Port)]
	if !ok {
		memory = s.lc.newMemory()
		memories[uint16(laddr.Port)] = memory
	}
	s.reusePort = s.lc.ReusePort
	c, err := s.conn(u, network, source.Config{Bound: laddr, Connected: connected, Adopted: true, Memory: memory})
	if err != nil {
		return nil, adoptError(u, network, err)
	}
	c.forgetDrops() // of before
	return c, nil
}

// prepareAdopted prepares u and returns the address that it is bound to.
func (s *setup) prepareAdopted(u *net.UDPConn) (laddr *net.UDPAddr, err error) {
	raw, err := u.SyscallConn()
	if err != nil {
		return nil, err
	}
	network := "udp6"
	err = control(raw, func(fd uintptr) error {
		family, err := pktinfo.FamilyOf(fd)
		if family == pktinfo.IPv4 {
			network = "udp4"
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	laddr = u.LocalAddr().(*net.UDPAddr)
	bind, _ := netip.AddrFromSlice(laddr.IP)
	if err := s.prepare(raw, network, laddr.String(), bind); err != nil {
		return nil, err
	}
	if laddr.Port == 0 { // it was not bound when net looked
		err = control(raw, func(fd uintptr) (err error) { laddr, err = mmsg.Bind(fd); return err })
	}
	return laddr, err
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
