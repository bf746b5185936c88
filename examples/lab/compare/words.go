//go:build linux

package compare

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// enumerate returns "a, b and c".
func enumerate(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// thousands writes 262144 as 262 144.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// plural returns a number of things: "one line", "2 lines".
func plural(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// cause returns what an error of package net wraps.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// named returns the cause of an error, with the name that the manuals have for it.
func named(err error) string {
	err = cause(err)
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return fmt.Sprintf("%s, %v", unix.ErrnoName(errno), errno)
	}
	return err.Error()
}
