package dsrudp

import (
	"fmt"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/sockopt"
)

// ECN is the two-bit field for explicit congestion notification in a datagram's IP
// header (RFC 3168).
type ECN uint8

// The values of the field.
const (
	NotECT ECN = iota // the transport does not use ECN
	ECT1              // it does: ECT(1), as L4S has it (RFC 9331)
	ECT0              // it does: ECT(0)
	CE                // congestion was experienced on the way
)

// appendECN appends a control message that marks a datagram to t with ecn.
func (c *Conn) appendECN(oob []byte, t *target, ecn ECN) ([]byte, error) {
	if !sockopt.Classes {
		return nil, unsupported("dsrudp: this system cannot mark datagrams; leave Packet.ECN 0")
	}
	if ecn > CE {
		return nil, fmt.Errorf("dsrudp: %d is no ECN mark, which are 0 to 3: %w", ecn, syscall.EINVAL)
	}
	v4 := is4(t.addr.Addr())
	class := c.class6.Load()
	if v4 {
		class = c.class4.Load()
	}
	return pktinfo.AppendClass(oob, v4, uint8(class)&^uint8(CE)|uint8(ecn)), nil
}

// readClasses learns the socket's own type of service and traffic class, which a
// control message with an ECN mark replaces as a whole.
func (c *Conn) readClasses() {
	// The error is the socket's being closed.
	_ = c.raw.Control(func(fd uintptr) {
		c.class4.Store(uint32(sockopt.Class(fd, true)))
		c.class6.Store(uint32(sockopt.Class(fd, false)))
	})
}
