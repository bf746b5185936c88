//go:build !unix && !windows

package mmsg

// KindOf returns the kind of a send's error.
func KindOf(error) Kind { return Other }
