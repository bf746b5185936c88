package mmsg

// Cap returns the number of messages that b has room for.
func (b *Batch) Cap() int { return len(b.hdrs) }

// Sent returns the bytes of payload of message i that were sent.
func (b *Batch) Sent(i int) int { return int(b.hdrs[i].n) }
