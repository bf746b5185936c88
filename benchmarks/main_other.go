//go:build !linux

// Benchmarks puts UDP echo servers side by side. They need network namespaces,
// which exist on Linux only.
package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Fprintf(os.Stderr, "benchmarks: they run in a network namespace, which needs Linux; this is %s\n", runtime.GOOS)
	os.Exit(1)
}
