//go:build !linux

package mmsg

// Cap returns the number of messages that b has room for.
func (b *Batch) Cap() int { return len(b.buffers) }

// Sent returns the bytes of payload of message i that were sent.
func (b *Batch) Sent(i int) int { return b.messages[i].n }
