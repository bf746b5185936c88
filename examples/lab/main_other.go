//go:build !linux

// Lab shows the fault that this project repairs, and the repair, in network
// namespaces. They exist on Linux only.
package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Fprintf(os.Stderr, "lab: the lab is made of network namespaces, which need Linux; this is %s\n", runtime.GOOS)
	os.Exit(1)
}
