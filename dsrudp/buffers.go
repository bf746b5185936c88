package dsrudp

// slotSize is the distance between the buffers of a batch that takes datagrams
// of any length. It is not a power of two: buffers that begin at the same place
// of their page compete for the same lines of the processor's caches.
const slotSize = 1<<16 + 5*64

// slots returns n buffers that any datagram, or train, fits into.
func slots(n int) [][]byte {
	memory := make([]byte, n*slotSize)
	ps := make([][]byte, n)
	for i := range ps {
		ps[i] = memory[i*slotSize:][: 1<<16 : 1<<16]
	}
	return ps
}
