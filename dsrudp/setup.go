package dsrudp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/sockopt"
	"github.com/dsrudp/go-dsrudp/internal/zone"
)

// A setup is a socket on its way to be a Conn.
type setup struct {
	family         pktinfo.Family
	guard          *localroute.Table
	guardErr       error // why there is no guard
	guard4, guard6 bool
}

// prepare learns the socket's family, turns on the control messages that tell
// where datagrams were sent to, and opens the guard in the socket's namespace.
//
// On a new socket this happens before bind, so that no datagram can be queued
// without them, and after the user's own Control, which may have changed the
// family's flavour (IPV6_V6ONLY).
func (s *setup) prepare(fd uintptr) (err error) {
	if !pktinfo.Supported {
		return fmt.Errorf("%w: %s/%s does not tell where datagrams were sent to", ErrNotSupported, runtime.GOOS, runtime.GOARCH)
	}
	if sockopt.GRO(fd) {
		return errors.New("dsrudp: the socket has UDP_GRO on, and datagrams may come joined together; make it without")
	}
	if s.family, err = pktinfo.FamilyOf(fd); err != nil {
		return notSupported(err)
	}
	if err := pktinfo.Enable(fd, s.family); err != nil {
		return notSupported(err)
	}
	s.guard, s.guardErr = localroute.Open(fd)
	return nil
}

// allow lets the socket send from addresses that are only local routes, and
// bind to bind if it is one, and decides whose the guard is from then on.
//
// For IPv6 both need IPV6_FREEBIND, and that takes the kernel's guard away
// altogether. So it is set only where this package can keep the guard instead,
// and a mistyped address to bind is left for the kernel to refuse.
func (s *setup) allow(fd uintptr, bind netip.Addr, free bool) error {
	freebind := free
	if s.family != pktinfo.IPv4 && s.guard != nil && !free && !bind.IsLinkLocalUnicast() {
		freebind = bind.IsUnspecified()
		if !freebind && bind.IsValid() {
			local, err := s.guard.Local(nil, bind.WithZone(""), 0)
			freebind = local && err == nil
		}
	}
	if freebind {
		if err := sockopt.SetFreeBind(fd); err != nil {
			return notSupported(err)
		}
	}
	s.guard4, s.guard6 = sockopt.Unguarded(fd)
	if s.guard == nil && (s.guard4 || s.guard6) {
		return fmt.Errorf("the socket may send from any address (IP_FREEBIND or IP_TRANSPARENT), and which are local cannot be asked: %w", s.guardErr)
	}
	// A bound IPv6 socket sends from its address also when that is withdrawn.
	s.guard6 = s.guard != nil && s.family != pktinfo.IPv4
	return nil
}

func (s *setup) close() {
	if s.guard != nil {
		s.guard.Close()
		s.guard = nil
	}
}

// complete makes c, which can fail no longer, give its guard back also where it
// is forgotten instead of closed.
func (c *Conn) complete() *Conn {
	if c.guard4 || c.guard6 {
		c.sock.Heed(c.guard.Generation)
	}
	if c.guard != nil {
		c.release = runtime.AddCleanup(c, func(t *localroute.Table) { t.Close() }, c.guard)
	}
	return c
}

// conn makes a Conn. It closes neither socket nor guard when it fails.
func (s *setup) conn(uc *net.UDPConn, network string) (*Conn, error) {
	raw, err := uc.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &Conn{
		conn:    uc,
		raw:     raw,
		zones:   zone.NewCache(raw),
		network: network,
		laddr:   uc.LocalAddr(),
		raddr:   uc.RemoteAddr(),
		family:  s.family,
		parse:   true,
		guard:   s.guard,
		guard4:  s.guard4,
		guard6:  s.guard6,
	}
	if c.sock, err = mmsg.NewSocket(uc, c.inet6()); err != nil {
		return nil, err
	}
	c.ops.New = c.newOp
	c.receivers.New = func() any { return c.newBatchReceiver(maxBatch) }
	c.senders.New = c.newBatchSender
	c.readClasses()
	local, ok := c.laddr.(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("dsrudp: %v is not a UDP address", c.laddr)
	}
	c.port = uint16(local.Port)
	c.bound = c.boundTo(local)
	if remote, ok := c.raddr.(*net.UDPAddr); ok && remote != nil {
		c.peer = remote.AddrPort()
	}
	return c, nil
}

// control runs f on the socket's descriptor.
func (c *Conn) control(f func(fd uintptr) error) error {
	var ferr error
	if err := c.raw.Control(func(fd uintptr) { ferr = f(fd) }); err != nil {
		return err
	}
	return notSupported(ferr)
}
