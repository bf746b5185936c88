package dsrudp

import (
	"net"
	"net/netip"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// ReadFromPath receives one datagram into b and returns its length and its Path,
// to be given to WriteToPath. It allocates nothing.
//
// When the datagram is longer than b the error matches ErrTruncated; n is then
// len(b) and p is valid. It also matches when the datagram's control messages
// were cut; p.Local is then not valid if it was among them. (On Windows the error
// is net's, and p is not known.)
func (c *Conn) ReadFromPath(b []byte) (n int, p Path, err error) {
	if !c.ok() {
		return 0, Path{}, syscall.EINVAL
	}
	o := c.op()
	var d datagram
	err = c.receive(o, b, o.oob[:], &d)
	c.done(o)
	if err != nil {
		return 0, Path{}, c.readError(err)
	}
	if d.Flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0 {
		err = c.readError(ErrTruncated)
	}
	return d.N, c.path(&d), err
}

// Read acts like [net.UDPConn.Read]: it receives one datagram without telling
// from whom. It is for connected sockets.
func (c *Conn) Read(b []byte) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if len(b) == 0 {
		if err := c.refusesReads(); err != nil {
			return 0, c.readError(err)
		}
		return c.conn.Read(b) // which waits for nothing
	}
	o := c.op()
	var d datagram
	err := c.receive(o, b, o.oob[:], &d)
	c.done(o)
	if err != nil {
		return 0, c.readError(err)
	}
	return d.N, nil
}

// ReadFrom acts like [net.UDPConn.ReadFrom]. The address it returns is a
// *net.UDPAddr that carries the datagram's Path, for WriteTo and PathOf. It does
// so behind the end of its IP, whose spare capacity is not the caller's: two
// appends to one address's IP write to the same memory.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.ReadFromUDP(b)
	if addr == nil {
		return n, nil, err // not a nil *net.UDPAddr in a net.Addr
	}
	return n, addr, err
}

// ReadFromUDP acts like [net.UDPConn.ReadFromUDP]. See ReadFrom for the address
// it returns.
func (c *Conn) ReadFromUDP(b []byte) (n int, addr *net.UDPAddr, err error) {
	if !c.ok() {
		return 0, nil, syscall.EINVAL
	}
	o := c.op()
	var d datagram
	err = c.receive(o, b, o.oob[:], &d)
	c.done(o)
	if err != nil {
		return 0, nil, c.readError(err)
	}
	return d.N, c.addr(&d), nil
}

// ReadFromUDPAddrPort acts like [net.UDPConn.ReadFromUDPAddrPort]: on a socket
// that takes both families an IPv4 peer's address is IPv4-mapped. The address
// carries no path; WriteToUDPAddrPort uses the path memory.
func (c *Conn) ReadFromUDPAddrPort(b []byte) (n int, addr netip.AddrPort, err error) {
	if !c.ok() {
		return 0, netip.AddrPort{}, syscall.EINVAL
	}
	o := c.op()
	var d datagram
	err = c.receive(o, b, o.oob[:], &d)
	c.done(o)
	if err != nil {
		return 0, netip.AddrPort{}, c.readError(err)
	}
	return d.N, c.remote(&d), nil
}
