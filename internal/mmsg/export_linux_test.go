//go:build !dsrudp_portable

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

// Cap returns the number of messages that there is room for.
func (hs *headers) Cap() int { return len(hs.hdrs) }

// Send is SendRange up to the last message.
func (b *OutBatch) Send(from, flags int) (int, error) { return b.SendRange(from, b.len, flags) }

// Sent returns the bytes of payload of message i that were sent.
func (b *OutBatch) Sent(i int) int { return int(b.hdrs[i].n) }

// Waits reports whether b's Loop waits, and SetWaits says so.
func (b *InBatch) Waits() bool       { return b.waiting.yes.Load() }
func (b *InBatch) SetWaits(yes bool) { b.waiting.yes.Store(yes) }

// Keeps reports whether b keeps payloads alive.
func (b *OutBatch) Keeps() bool {
	keeps := b.last != nil
	for _, v := range b.iovs {
		keeps = keeps || v.Base != nil
	}
	return keeps
}
