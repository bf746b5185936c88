//go:build !linux || dsrudp_portable

package mmsg

// Cap returns the number of messages that b has room for.
func (b *OutBatch) Cap() int { return len(b.messages) }

// Send is SendRange up to the last message.
func (b *OutBatch) Send(from, flags int) (int, error) { return b.SendRange(from, b.len, flags) }

// Sent returns the bytes of payload of message i that were sent.
func (b *OutBatch) Sent(i int) int { return b.messages[i].n }
