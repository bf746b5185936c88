package dsrudp

import (
	"net"
	"net/netip"
	"syscall"
)

// WriteToPath sends b along p: to p.Remote and from p.Local. It never sends
// from another address: when it cannot send from p.Local the error matches
// ErrNotLocal, and when p has no Local, ErrNoPath. It allocates nothing.
//
// On a connected socket p.Remote must be the connected peer.
func (c *Conn) WriteToPath(b []byte, p Path) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if c.refusesRemote(p.Remote) {
		return 0, netsRefusal(c.conn.WriteToUDPAddrPort(nil, p.Remote))
	}
	s, err := c.sourceByPath(p.Local, p.Remote)
	if err != nil {
		return 0, c.writeError(err, addrPortAddr{p.Remote})
	}
	return c.writeTo(b, s, p.Remote)
}

// writeTo sends b from s to remote, which the socket's family can send to.
func (c *Conn) writeTo(b []byte, s source, remote netip.AddrPort) (int, error) {
	o := c.op()
	var t target
	c.setTarget(remote, &t)
	n, err := c.send(o, b, &s, &t, nil)
	c.done(o)
	if err != nil {
		return 0, c.writeError(err, addrPortAddr{remote})
	}
	return n, nil
}

// Write acts like [net.UDPConn.Write]. It is for connected sockets.
func (c *Conn) Write(b []byte) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if !c.peer.IsValid() {
		return c.conn.Write(b) // the kernel refuses it, unless it was connected behind net's back
	}
	o := c.op()
	n, err := c.send(o, b, &c.bound, &target{}, nil)
	c.done(o)
	if err != nil {
		return 0, c.writeError(err, c.raddr)
	}
	return n, nil
}

// WriteTo acts like [net.UDPConn.WriteTo]. See WriteToUDP for the source.
func (c *Conn) WriteTo(b []byte, addr net.Addr) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	a, isUDP := addr.(*net.UDPAddr)
	if !isUDP {
		return 0, netsRefusal(c.conn.WriteTo(nil, addr))
	}
	return c.WriteToUDP(b, a)
}

// WriteToUDP acts like [net.UDPConn.WriteToUDP]. To an address that carries a
// Path, because this Conn (or one of its ListenN group) returned it, it sends
// from the local address of that path, as WriteToPath does. To any other address
// it sends as WriteToUDPAddrPort does.
func (c *Conn) WriteToUDP(b []byte, addr *net.UDPAddr) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	var t target
	if !c.setTargetUDP(addr, &t) || c.connected {
		return 0, netsRefusal(c.conn.WriteToUDP(nil, addr))
	}
	o := c.op()
	s, err := c.sourceByAddr(o, addr, &t)
	n := 0
	if err == nil {
		n, err = c.send(o, b, &s, &t, nil)
	}
	c.done(o)
	if err != nil {
		return 0, c.writeError(err, addr)
	}
	return n, nil
}

// WriteToUDPAddrPort acts like [net.UDPConn.WriteToUDPAddrPort]. On a socket
// bound to one address it sends from that. Otherwise it sends from the local
// address that addr last wrote to; where none is known, or more than one,
// ListenConfig.Strict decides. It allocates nothing.
func (c *Conn) WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if !addr.IsValid() || c.connected || !c.inet6() && !is4(addr.Addr()) {
		return 0, netsRefusal(c.conn.WriteToUDPAddrPort(nil, addr))
	}
	var t target
	c.setTarget(addr, &t)
	o := c.op()
	s, err := c.sourceByMemory(o, &t)
	n := 0
	if err == nil {
		n, err = c.send(o, b, &s, &t, nil)
	}
	c.done(o)
	if err != nil {
		return 0, c.writeError(err, addrPortAddr{addr})
	}
	return n, nil
}
