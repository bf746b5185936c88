package dsrudp

import (
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
)

// A datagram is what one receive brought, beside the payload.
type datagram struct {
	mmsg.Received
	local source // where to answer from; not valid when it could not be known
}

// receive receives one datagram, sets d, which is zero, to what came with it, and
// learns where to answer it from. All reads of one end here. Control messages go
// to oob, which is o.oob or larger.
func (c *Conn) receive(o *op, b, oob []byte, d *datagram) (err error) {
	if err := c.refusesReads(); err != nil {
		return err
	}
	if c.ahead != nil {
		err = c.ahead.receive(b, oob, &d.Received)
	} else {
		err = c.sock.Recv(&o.msg, b, oob, &d.Received)
	}
	if err != nil {
		return err
	}
	c.learn(o, d, oob[:d.OOBN])
	return nil
}

// learn finds out where to answer d from, whose control messages are oob.
func (c *Conn) learn(o *op, d *datagram, oob []byte) {
	if to, _, ok := pktinfo.Unicast4(oob); ok && !c.guard4 { // a matter of speed
		d.local.addr = addr4(to)
	} else {
		var info pktinfo.Info
		d.local = c.localOf(o, oob, &info)
	}
	c.countReceived(d.Flags, &d.local)
	c.remember(o, d)
}

// remember notes d's path in the path memory.
func (c *Conn) remember(o *op, d *datagram) {
	if c.memory == nil {
		return
	}
	zone := d.Scope
	if zone == 0 {
		zone = d.local.ifindex
	}
	o.memory.Note(d.From, d.local.addr, zone)
}
