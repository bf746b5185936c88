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

// listened makes a Conn of g, of a socket that this package bound.
func (s *setup) listened(uc *net.UDPConn, network string, lc *ListenConfig, g group) (*Conn, error) {
	if lc.ReadBuffer > 0 {
		if err := uc.SetReadBuffer(lc.ReadBuffer); err != nil {
			return nil, err
		}
	}
	if lc.WriteBuffer > 0 {
		if err := uc.SetWriteBuffer(lc.WriteBuffer); err != nil {
			return nil, err
		}
	}
	c, err := s.conn(uc, network)
	if err != nil {
		return nil, err
	}
	if c.bound.addr.IsValid() {
		// There is one local address, and the kernel uses it by itself.
		// Control messages would only cost time, and one without a source
		// would override the bound address.
		c.parse = false
		if err := c.control(func(fd uintptr) error { return pktinfo.Disable(fd, s.family) }); err != nil {
			return nil, err
		}
	}
	c.strict = lc.Strict
	c.join(g) // before anything is made that has a View of the path memory
	return c, c.equip(lc)
}

// complete makes c, which can fail no longer, give its guard back also where it
// is forgotten instead of closed.
func (c *Conn) complete() *Conn {
	if c.guard != nil {
		c.sock.Heed(c.guard.Generation)
		c.release = runtime.AddCleanup(c, func(t *localroute.Table) { t.Close() }, c.guard)
	}
	return c
}

// startOffload lets equal datagrams leave as one where the kernel can do that.
func (c *Conn) startOffload() error {
	return c.control(func(fd uintptr) error {
		if sockopt.Segments(fd) {
			c.offload.Start()
		}
		return nil
	})
}

// equip gives c what lc asks for beyond the plain socket.
func (c *Conn) equip(lc *ListenConfig) error {
	if !lc.NoOffload {
		if err := c.startOffload(); err != nil {
			return err
		}
	}
	if lc.PlainSyscalls {
		c.sock.Plain()
	}
	if lc.GRO {
		if lc.ReadAhead > 1 || lc.CoalesceWrites {
			return errors.New("dsrudp: ListenConfig.GRO is for ReadPackets and Server, and ReadAhead and CoalesceWrites are for calls that read one datagram; choose")
		}
		if err := c.control(sockopt.SetGRO); err != nil {
			return err
		}
		c.gro = true
	}
	if lc.ECN {
		v4, v6 := c.family != pktinfo.IPv6, c.family != pktinfo.IPv4
		if err := c.control(func(fd uintptr) error { return sockopt.SetRecvClass(fd, v4, v6) }); err != nil {
			return err
		}
	}
	ahead := lc.ReadAhead
	switch {
	case ahead < 0 || ahead > maxBatch:
		return fmt.Errorf("dsrudp: ListenConfig.ReadAhead is %d; 0 to %d are possible", ahead, maxBatch)
	case ahead == 1 && lc.CoalesceWrites:
		return errors.New("dsrudp: ListenConfig.CoalesceWrites needs a ReadAhead above 1, or 0 for its default")
	case ahead == 0 && lc.CoalesceWrites:
		ahead = maxBatch
	}
	if ahead > 1 {
		c.ahead = newReadAhead(c, ahead)
	}
	if lc.CoalesceWrites {
		c.held = newCoalescer(c, lc.OnWriteError)
	}
	return nil
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
	c.receivers.New = func() any { return c.newReceiver(maxBatch) }
	c.senders.New = c.newSender
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

// boundTo returns the unicast address that the socket is bound to. A socket
// bound to a group or broadcast address receives for it and must send from
// another.
func (c *Conn) boundTo(local *net.UDPAddr) source {
	addr, ok := netip.AddrFromSlice(local.IP)
	addr = addr.Unmap()
	if !ok || addr.IsUnspecified() || addr.IsMulticast() || addr == limitedBroadcast {
		return source{}
	}
	s := source{addr: addr}
	if scoped(addr) {
		s.ifindex = c.zones.Index(local.Zone)
	}
	if addr.Is4() && c.guard != nil && c.guard.Broadcast(addr) {
		return source{} // a subnet's, which looks like any other address
	}
	return s
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
