package mmsg

import (
	"net"
	"syscall"
)

// SocketOf makes a Socket of one that is not UDP's, to receive through.
func SocketOf(raw syscall.RawConn) *Socket { return &Socket{raw: raw} }

// SocketWith makes a Socket of conn that goes by raw.
func SocketWith(conn *net.UDPConn, raw syscall.RawConn) *Socket { return &Socket{conn: conn, raw: raw} }

// End is what Close begins with.
func (s *Socket) End() { s.life.end() }

// Cap returns the number of messages that b has room for.
func (b *Batch) Cap() int { return len(b.hdrs) }

// Sent returns the bytes of payload of message i that were sent.
func (b *Batch) Sent(i int) int { return int(b.hdrs[i].n) }

// Waits reports whether b's Loop waits, and SetWaits says so.
func (b *Batch) Waits() bool       { return b.waiting.yes.Load() }
func (b *Batch) SetWaits(yes bool) { b.waiting.yes.Store(yes) }

// Keeps reports whether b keeps payloads alive.
func (b *Batch) Keeps() bool {
	keeps := b.last != nil
	for _, v := range b.iovs {
		keeps = keeps || v.Base != nil
	}
	return keeps
}
