package dsrudp

import (
	"errors"
	"fmt"
	"net"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/sockopt"
)

// listened makes a Conn of g, of a socket that this package bound.
func (s *setup) listened(uc *net.UDPConn, network string, lc *ListenConfig, g listenGroup) (*Conn, error) {
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
	g.add(c) // before anything is made that has a View of the path memory
	return c, c.equip(lc)
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

// startOffload lets equal datagrams leave as one where the kernel can do that.
func (c *Conn) startOffload() error {
	return c.control(func(fd uintptr) error {
		if sockopt.Segments(fd) {
			c.offload.Start()
		}
		return nil
	})
}
