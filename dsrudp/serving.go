package dsrudp

// serve makes c a Server's, which has to call unserve when it is done.
func (c *Conn) serve() error {
	c.life.Lock()
	defer c.life.Unlock()
	if err := c.refusesBatches(); err != nil {
		return err
	}
	c.served.Store(true)
	c.ended = make(chan struct{})
	return nil
}

// end tells the reader of a Server that it is to end. The caller has life.
func (c *Conn) end() {
	if !c.woken {
		c.woken = true
		close(c.ended)
	}
}

// wake has the reader of a Server end after what is queued.
func (c *Conn) wake() {
	c.life.Lock()
	defer c.life.Unlock()
	c.end()
	_ = c.sock.SetReadDeadline(past) // the error is its being closed
}

// unserve ends serve, and closes the socket if Close was called meanwhile.
func (c *Conn) unserve() {
	c.life.Lock()
	c.served.Store(false)
	closed := c.closed.Load()
	c.life.Unlock()
	if closed {
		c.shut()
	}
}
