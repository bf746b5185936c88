package dsrudp

// A Handler answers datagrams for a [Server].
//
// ServePacket is called on the goroutine that reads the Conn, once for each
// datagram, in the order in which they came; while it runs that Conn is not
// read. Work that takes long or waits belongs in another goroutine, with a
// [Packet.Clone]. Conns of one Server have a goroutine each, so that a Handler
// is called by several at once.
//
// W and p, p's buffer included, are the handler's until it returns. If it panics
// that is logged and counted, and the next datagram is served.
type Handler interface {
	ServePacket(w ReplyWriter, p *Packet)
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(w ReplyWriter, p *Packet)

// ServePacket calls f.
func (f HandlerFunc) ServePacket(w ReplyWriter, p *Packet) { f(w, p) }
