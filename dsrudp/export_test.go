package dsrudp

// HoldGroups keeps readers from finding out where to answer a group's IPv4
// datagram from, until what it returns is called.
func (c *Conn) HoldGroups() (release func()) {
	c.groupSources.mu.Lock()
	return c.groupSources.mu.Unlock
}

// Ended reports whether w is refused from now on.
func (w ReplyWriter) Ended() bool { return w.r.turn.Load() != w.turn }
