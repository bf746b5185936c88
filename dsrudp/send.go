package dsrudp

import "github.com/dsrudp/go-dsrudp/internal/mmsg"

// send sends b to t from the local address s, or from the one that the kernel
// chooses when s is not valid. All writes end here. Oob holds control messages
// of the caller's own, none of which names a source; it is o.oob[:n] or nil.
func (c *Conn) send(o *op, b []byte, s *source, t *target, oob []byte) (int, error) {
	to := c.sockaddr(t)
	if to == nil {
		t = &target{addr: c.peer, scope: t.scope}
	}
	if c.held != nil {
		if taken, err := c.hold(b, s, t, oob); taken || err != nil {
			return len(b), err
		}
	}
	if oob == nil {
		oob = o.oob[:0]
	}
	for {
		o.msg.Gen = c.sock.Generation()
		all, err := c.appendSource(o, oob, s, t)
		if err != nil {
			return 0, err
		}
		n, err := c.sock.Send(&o.msg, b, all, to, t.scope)
		if err == nil {
			return n, nil
		}
		if err != mmsg.ErrOutdated { // else the guard has to be asked again
			return 0, c.classify(o, err, s, t)
		}
	}
}

// hold keeps a datagram back, which taken reports, if it can be, and else sends
// what was written before.
func (c *Conn) hold(b []byte, s *source, t *target, oob []byte) (taken bool, err error) {
	if len(oob) > 0 {
		c.held.flush()
		return false, nil
	}
	return c.held.hold(b, s, t)
}
