package dsrudp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// ListenUDP acts like [net.ListenUDP] and returns a Conn, whose replies leave from
// the address that the request was sent to.
//
// An IPv6 address may be one that is only a local route of the host, as a load
// balancer's VIP is; net refuses to bind it. An address that is not the host's
// is EADDRNOTAVAIL as with net, and matches ErrNotLocal too where the process may not ask
// which it is (see [Conn] on IPv6). Where the system does not report
// the destinations of datagrams the error matches ErrNotSupported.
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
	if !ok || badPort(laddr) {
		c, err := net.ListenUDP(network, laddr) // for its error
		if err == nil {
			c.Close()
			err = &net.OpError{Op: "listen", Net: network, Addr: laddr, Err: syscall.EINVAL}
		}
		return nil, err
	}
	return ListenPacket(network, net.JoinHostPort(host, strconv.Itoa(laddr.Port)))
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

// ListenPacket acts like [net.ListenPacket] for the networks "udp", "udp4" and
// "udp6", and returns a Conn. See ListenUDP.
//
// In a function that returns a net.PacketConn do not return its results as they are: a nil
// *Conn in an interface is not nil. Write
//
//	conn, err := dsrudp.ListenPacket(network, address)
//	if err != nil {
//		return nil, err
//	}
//	return conn, nil
func ListenPacket(network, address string) (*Conn, error) {
	return new(ListenConfig).ListenPacket(context.Background(), network, address)
}

// ListenPacket listens as [net.ListenConfig.ListenPacket] does for the networks
// "udp", "udp4" and "udp6". See ListenUDP. The context only bounds the
// resolution of address.
func (lc *ListenConfig) ListenPacket(ctx context.Context, network, address string) (*Conn, error) {
	return lc.listen(ctx, network, address, lc.ReusePort, lc.newMemory())
}

// ListenN listens with n sockets on one address (SO_REUSEPORT), to be read by n
// goroutines, one for each processor that should receive. It returns n Conns, or an error
// and none; n is at least 1. The kernel gives all datagrams of one remote address and
// port to the same socket, whatever VIP they are for. The sockets share one path memory.
// When address has port 0 they share the port that the first one gets. Close
// each of them.
//
// The kernel does not tell apart whose sockets share a port. On Linux another ListenN, or a
// ListenPacket with ReusePort, succeeds on the same address too, in this process or in
// another one of the same user. The kernel then spreads the remote addresses over all
// these sockets: of a server that was started twice by mistake each gets a part of the
// datagrams. A socket without SO_REUSEPORT, or another user's, is refused with
// EADDRINUSE where these are, and these where such a one is.
func (lc *ListenConfig) ListenN(ctx context.Context, network, address string, n int) ([]*Conn, error) {
	if n < 1 {
		return nil, &net.OpError{Op: "listen", Net: network, Err: fmt.Errorf("dsrudp: ListenN of %d sockets; at least 1 is needed", n)}
	}
	memory := lc.newMemory()
	cs := make([]*Conn, 0, n)
	for range n {
		c, err := lc.listen(ctx, network, address, true, memory)
		if err != nil {
			for _, c := range cs {
				c.Close()
			}
			return nil, err
		}
		cs = append(cs, c)
		// Only a host that net could parse gets here.
		host, _, _ := net.SplitHostPort(address)
		address = net.JoinHostPort(host, strconv.Itoa(int(c.source.Port())))
	}
	return cs, nil
}

// newMemory returns the path memory of one socket set, nil where it is off.
func (lc *ListenConfig) newMemory() *pathmem.Table {
	switch {
	case lc.PathMemory < 0:
		return nil
	case lc.PathMemory == 0:
		return pathmem.New(defaultPathMemory)
	}
	return pathmem.New(lc.PathMemory)
}

// listen makes one socket of a set, which has that memory.
func (lc *ListenConfig) listen(ctx context.Context, network, address string, reusePort bool, memory *pathmem.Table) (*Conn, error) {
	switch network {
	case "udp", "udp4", "udp6":
	default:
		return nil, &net.OpError{Op: "listen", Net: network, Err: net.UnknownNetworkError(network)}
	}
	s := setup{lc: lc}
	nlc := net.ListenConfig{Control: func(network, address string, rc syscall.RawConn) error {
		bind, err := parseBind(address)
		if err != nil {
			return err
		}
		if err := s.prepare(rc, network, address, bind.Addr()); err != nil || !reusePort {
			return err
		}
		if bind.Port() == 0 {
			// With port 0 and the option set the kernel may pick the port of
			// another socket of this user.
			s.reusePort = true
			return nil
		}
		return control(rc, mmsg.SetReusePort)
	}}
	pc, err := nlc.ListenPacket(ctx, network, address)
	if err != nil {
		s.close()
		if op, ok := err.(*net.OpError); ok && s.family != pktinfo.IPv4 {
			op.Err = source.BindError(op.Err, s.denied())
		}
		return nil, err
	}
	uc := pc.(*net.UDPConn)
	c, err := s.conn(uc, network, source.Config{Bound: uc.LocalAddr().(*net.UDPAddr), Memory: memory})
	if err == nil {
		err = c.setGRO(lc.GRO)
	}
	if err != nil {
		uc.Close()
		s.close()
		return nil, &net.OpError{Op: "listen", Net: network, Addr: uc.LocalAddr(), Err: notSupported(err)}
	}
	c.keepGuard(s.guard)
	return c, nil
}

// parseBind parses the address that net gives to a Control function before it binds it:
// in digits, with the wildcard where a group was asked for, and without a host where none
// was given.
func parseBind(address string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(address)
	if err == nil && host == "" {
		address = net.JoinHostPort(netip.IPv6Unspecified().String(), port)
	}
	return netip.ParseAddrPort(address)
}

// control runs f on the descriptor of raw.
func control(raw syscall.RawConn, f func(fd uintptr) error) error {
	var err error
	if e := raw.Control(func(fd uintptr) { err = f(fd) }); e != nil {
		return e
	}
	return notSupported(err)
}

// A setup is a socket on its way to be a Conn.
type setup struct {
	lc             *ListenConfig
	family         pktinfo.Family
	own            pktinfo.Messages // that the user's options ask for too
	guard          *localroute.Table
	guardErr       error // why there is no guard
	guard4, guard6 bool
	reusePort      bool // to be set when it is bound
}

// prepare calls the user's own Control, which may change the flavour of the socket's family
// (IPV6_V6ONLY), and sets the options that come first. On a new socket this happens before
// bind, so that no datagram can be queued without control messages.
func (s *setup) prepare(rc syscall.RawConn, network, address string, bind netip.Addr) error {
	if s.lc.Control != nil {
		if err := s.lc.Control(network, address, rc); err != nil {
			return err
		}
	}
	return control(rc, func(fd uintptr) error { return s.open(fd, bind) })
}

// open reads the socket's family, turns on the control messages that tell where
// datagrams were sent to, opens the guard in the socket's namespace, and lets the socket
// bind to bind and send from addresses that are only local routes.
func (s *setup) open(fd uintptr, bind netip.Addr) (err error) {
	if mmsg.HasGRO(fd) && !s.lc.GRO {
		return errors.New("dsrudp: the socket has UDP_GRO on, so that datagrams may come joined together")
	}
	if s.family, err = pktinfo.FamilyOf(fd); err != nil {
		return err
	}
	if s.own, err = pktinfo.Enable(fd, s.family); err != nil {
		return err
	}
	s.guard, s.guardErr = localroute.Open(fd)
	if s.lc.ReplyByInterface && s.denied() != nil {
		return fmt.Errorf("dsrudp: ReplyByInterface needs to know which clients are on this host: %w", s.guardErr)
	}
	if s.wantsFreeBind(bind) {
		if err := mmsg.SetFreeBind(fd); err != nil {
			return err
		}
	}
	s.guard4, s.guard6 = mmsg.Unguarded(fd)
	if s.guard == nil && (s.guard4 || s.guard6 && s.family != pktinfo.IPv4) {
		return fmt.Errorf("the socket may send from any address (IP_FREEBIND or IP_TRANSPARENT), and which are local cannot be asked: %w", s.guardErr)
	}
	// A bound IPv6 socket sends from its address also when that is withdrawn.
	s.guard6 = s.guard != nil && s.family != pktinfo.IPv4
	return nil
}

// wantsFreeBind reports whether the socket takes IP_FREEBIND, which is IPV6_FREEBIND on
// an AF_INET6 socket.
//
// An IPv6 address that is only a local route cannot be bound or sent from without it, and
// it has the kernel validate no source at all. So it is set only where Check can validate
// instead, and a mistyped address to bind is left for the kernel to refuse.
func (s *setup) wantsFreeBind(bind netip.Addr) bool {
	free := s.lc.FreeBind
	if free || s.family == pktinfo.IPv4 || s.guard == nil || bind.IsLinkLocalUnicast() || !bind.IsValid() {
		return free
	}
	if bind.IsUnspecified() {
		return true
	}
	local, err := s.guard.Ask(bind.WithZone("").Unmap(), 0) // as of now
	return local && err == nil
}

// denied returns why this process cannot ask the kernel which addresses are local, on a
// system where others can.
func (s *setup) denied() error {
	if errors.Is(s.guardErr, errors.ErrUnsupported) {
		return nil
	}
	return s.guardErr
}

// conn makes a Conn of a socket that is prepared and bound, with the options of ListenConfig
// but for GRO. Config says how the socket was made. It closes neither socket nor guard when
// it fails.
func (s *setup) conn(uc *net.UDPConn, network string, config source.Config) (*Conn, error) {
	lc := s.lc
	c := &Conn{conn: uc, network: network, laddr: config.Bound, raddr: uc.RemoteAddr(), own: s.own, rawIO: lc.RawIO}
	if remote, ok := c.raddr.(*net.UDPAddr); ok && remote != nil {
		config.Peer = remote.AddrPort()
	}
	var err error
	if c.sock, err = mmsg.NewSocket(uc, s.family != pktinfo.IPv4, config.Connected, lc.PlainSyscalls); err != nil {
		return nil, err
	}
	config.Socket, config.Family, config.Strict, config.ByInterface = c.sock, s.family, lc.Strict, lc.ReplyByInterface
	config.Guard, config.Denied, config.Guard4, config.Guard6 = s.guard, s.denied(), s.guard4, s.guard6
	c.source = source.New(config)
	c.makePools()
	if err := c.setBuffers(lc); err != nil {
		return nil, err
	}
	return c, c.sock.Control(func(fd uintptr) error {
		if !c.source.NeedsControl() {
			if err := pktinfo.Disable(fd, s.family, s.own); err != nil {
				return err
			}
		}
		if lc.ECN {
			if err := mmsg.SetReceiveClass(fd, s.family != pktinfo.IPv6, s.family != pktinfo.IPv4); err != nil {
				return err
			}
		}
		if !lc.NoOffload && mmsg.Segments(fd) {
			c.offload.Start()
		}
		if s.reusePort {
			return mmsg.SetReusePort(fd)
		}
		return nil
	})
}

// setBuffers sets the sizes of the kernel's buffers, of those that do not have theirs: a
// privileged process may have given a socket more than this one may. The kernel cuts what
// it is asked for to what the host allows, and says nothing.
func (c *Conn) setBuffers(lc *ListenConfig) error {
	sizes := func() (sizes [2]int, ok bool) {
		// The error is the socket's being closed.
		_ = c.sock.Control(func(fd uintptr) error { sizes[0], sizes[1], ok = mmsg.BufferSizes(fd); return nil })
		return sizes, ok
	}
	for i, b := range []struct {
		name, limit string
		size        int
		set         func(int) error
	}{
		{"ReadBuffer", "net.core.rmem_max", lc.ReadBuffer, c.conn.SetReadBuffer},
		{"WriteBuffer", "net.core.wmem_max", lc.WriteBuffer, c.conn.SetWriteBuffer},
	} {
		if before, _ := sizes(); b.size <= 0 || before[i] == b.size {
			continue
		}
		if err := b.set(b.size); err != nil {
			return err
		}
		if got, ok := sizes(); ok && got[i] < b.size {
			return fmt.Errorf("dsrudp: %s is %d bytes, of which the kernel gave %d (%s)", b.name, b.size, got[i], b.limit)
		}
	}
	return nil
}

// setGRO turns on GRO, if it is asked for.
func (c *Conn) setGRO(on bool) error {
	c.gro = on
	if !on {
		return nil
	}
	return c.sock.Control(mmsg.SetGRO)
}

// close gives up the guard of a socket that did not become a Conn.
func (s *setup) close() {
	if s.guard != nil {
		s.guard.Close()
		s.guard = nil
	}
}
