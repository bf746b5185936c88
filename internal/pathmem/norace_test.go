//go:build !race

package pathmem_test

// scale is 1: large tests have their full size without the race detector.
const scale = 1
