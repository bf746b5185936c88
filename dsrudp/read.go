package dsrudp

import (
	"net"
	"net/netip"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// A datagram is what one receive brought, beside the payload: from the kernel, and what
// package source made of it.
type datagram struct {
	mmsg.Received
	source.Arrival
}

// Read acts like [net.UDPConn.Read]: it receives one datagram without telling
// from whom. It is for connected sockets.
func (c *Conn) Read(b []byte) (int, error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if len(b) == 0 {
		if err := c.readable(true); err != nil {
			return 0, c.readError(err)
		}
		return c.conn.Read(b) // which waits for nothing
	}
	var d datagram
	if err := c.receiveOne(b, &d); err != nil {
		return 0, err
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
	var d datagram
	if err := c.receiveOne(b, &d); err != nil {
		return 0, nil, err
	}
	return d.N, c.source.UDPAddr(&d.From, &d.Arrival), nil
}

// ReadFromUDPAddrPort acts like [net.UDPConn.ReadFromUDPAddrPort]: on a socket
// that takes both families an IPv4 peer's address is IPv4-mapped. The address
// carries no path; WriteToUDPAddrPort uses the path memory.
func (c *Conn) ReadFromUDPAddrPort(b []byte) (n int, addr netip.AddrPort, err error) {
	if !c.ok() {
		return 0, netip.AddrPort{}, syscall.EINVAL
	}
	var d datagram
	if err := c.receiveOne(b, &d); err != nil {
		return 0, netip.AddrPort{}, err
	}
	return d.N, c.source.NetAddrPort(&d.From), nil
}

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
	var d datagram
	if err := c.receiveOne(b, &d); err != nil {
		return 0, Path{}, err
	}
	if d.Flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0 {
		err = c.readError(ErrTruncated)
	}
	return d.N, c.pathOf(&d), err
}

// receiveOne is receive with memory of the pool.
func (c *Conn) receiveOne(b []byte, d *datagram) error {
	m := c.msgs.Get().(*mmsg.Msg)
	err := c.receive(m, b, d)
	c.msgs.Put(m)
	return err
}

// receive receives one datagram and its control messages, which are m's, and finds out
// where to answer it from. All reads of one end here.
func (c *Conn) receive(m *mmsg.Msg, b []byte, d *datagram) error {
	if err := c.readable(true); err != nil {
		return c.readError(err)
	}
	if err := c.sock.Recv(m, b, m.Room[:], &d.Received); err != nil {
		return c.readError(err)
	}
	c.arrived(d)
	c.counts.received.add(1, d.N)
	return nil
}

// arrived finds out where to answer a datagram from, and counts it.
func (c *Conn) arrived(d *datagram) {
	c.source.Arrived(&d.Received, &d.Arrival)
	if d.Flags&(mmsg.FlagTrunc|mmsg.FlagCtrunc) != 0 {
		c.counts.cut(d.Flags)
	}
}
