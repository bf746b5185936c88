//go:build race

package pathmem_test

// scale divides the sizes of large tests with a single goroutine, which the
// race detector slows down by far and has nothing to say about.
const scale = 10
