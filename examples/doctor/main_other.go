//go:build !linux

// Doctor says what will and will not work for a UDP server on this host behind a
// passthrough load balancer. It is for Linux only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "doctor: it looks at a Linux kernel, and runs on Linux only")
	os.Exit(2)
}
