package dsrudp

import (
	"net"
	"net/netip"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// Write acts like [net.UDPConn.Write]. It is for connected sockets.
func (c *Conn) Write(b []byte) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if !c.source.HasPeer() {
		return c.conn.Write(b) // the kernel refuses it, unless it was connected behind net's back
	}
	var h source.Header
	err := c.source.ByPeer(&h)
	if err == nil {
		err = c.sendOne(b, &h)
	}
	if err != nil {
		return 0, c.writeError(err, 1, c.raddr)
	}
	return len(b), nil
}

// WriteTo acts like [net.UDPConn.WriteTo]. See WriteToUDP for the source.
func (c *Conn) WriteTo(b []byte, addr net.Addr) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	a, isUDP := addr.(*net.UDPAddr)
	if !isUDP {
		return 0, c.writeError(syscall.EINVAL, 0, addr)
	}
	return c.WriteToUDP(b, a)
}

// WriteToUDP acts like [net.UDPConn.WriteToUDP]. To an address that carries a
// Path, because a Conn of this process bound to the same port returned it, it sends
// from the local address of that path, as WriteToPath does, unless the Conn is bound
// to one address. To any other address it sends as WriteToUDPAddrPort does.
func (c *Conn) WriteToUDP(b []byte, addr *net.UDPAddr) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if badPort(addr) {
		return c.conn.WriteToUDP(nil, addr)
	}
	var h source.Header
	err := c.source.ByUDPAddr(addr, &h)
	if err == nil {
		err = c.sendOne(b, &h)
	}
	if err != nil {
		return 0, c.writeError(err, 1, opAddr(addr))
	}
	return len(b), nil
}

// WriteToUDPAddrPort acts like [net.UDPConn.WriteToUDPAddrPort]. On a socket
// bound to one address it sends from that. Otherwise it sends from the local
// address that addr last wrote to; where none is known, or more than one,
// ListenConfig.Strict decides. It allocates nothing.
func (c *Conn) WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	var h source.Header
	err := c.source.ByAddrPort(addr, &h)
	if err == nil {
		err = c.sendOne(b, &h)
	}
	if err != nil {
		return 0, c.writeError(err, 1, addrPortUDPAddr{addr})
	}
	return len(b), nil
}

// WriteToPath sends b along p: to p.Remote and from p.Local. It never sends
// from another address: when it cannot send from p.Local the error matches
// ErrNotLocal, and when p has no Local, ErrNoPath. It allocates nothing.
//
// On a connected socket p.Remote must be the connected peer.
func (c *Conn) WriteToPath(b []byte, p Path) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	var h source.Header
	err := c.source.ByPath(p.Local, p.Remote, &h)
	if err == nil {
		err = c.sendOne(b, &h)
	}
	if err != nil {
		return 0, c.writeError(err, 1, addrPortUDPAddr{source.Unmap(p.Remote)})
	}
	return len(b), nil
}

// badPort reports whether addr has a port that no datagram can have. That net refuses
// after it looked whether the socket is closed and at the deadline.
func badPort(addr *net.UDPAddr) bool { return addr != nil && uint(addr.Port) > 1<<16-1 }

// sendOne is send with memory of the pool.
func (c *Conn) sendOne(b []byte, h *source.Header) error {
	m := c.msgs.Get().(*mmsg.Msg)
	err := c.send(m, b, m.Room[:0], h)
	c.msgs.Put(m)
	return err
}

// send sends b: it is checked and tried, and where there is no room waited for, checked
// and tried again. Control has the caller's own control messages, and room for the source.
// All writes of one end here.
func (c *Conn) send(m *mmsg.Msg, b, control []byte, h *source.Header) error {
	for {
		if err := c.sock.WriteExpired(); err != nil {
			return err
		}
		if err := c.source.Check(h); err != nil {
			return err
		}
		_, err := c.sock.TrySend(m, b, c.source.AppendControl(control, h), &h.Remote)
		switch err {
		case nil:
			c.counts.sent.add(segmentsWith(len(b), control), len(b))
			return nil
		case mmsg.ErrWouldBlock:
			if err := c.sock.WaitRoom(0); err != nil {
				return err
			}
		default:
			return c.source.Explain(err, h)
		}
	}
}
