package dsrudp

// bufferStride is the distance between the buffers of a batch that takes datagrams
// of any length. It is not a power of two: buffers that begin at the same place
// of their page compete for the same lines of the processor's caches.
const bufferStride = 1<<16 + 5*64

// newBuffers returns n buffers that any datagram, or train, fits into.
func newBuffers(n int) [][]byte {
	memory := make([]byte, n*bufferStride)
	ps := make([][]byte, n)
	for i := range ps {
		ps[i] = memory[i*bufferStride:][: 1<<16 : 1<<16]
	}
	return ps
}
