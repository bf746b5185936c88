//go:build linux

package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Off a terminal a measurement is told of when it begins, not only when it is
// done.
func TestProgressOffTerminal(t *testing.T) {
	var b strings.Builder
	show, end := newProgress(&b)
	show(0, 3, "weighing")
	show(1, 3, "weighing: a")
	show(2, 3, "weighing: b")
	show(2, 3, "timing")
	show(3, 3, "timing: a")
	end()
	require.Equal(t, "      measuring: weighing\n 33 % (weighing: a)\n 66 % (weighing: b)\n      measuring: timing\n100 % (timing: a)\n", b.String())
}

// A bar ends also where it is ended at once.
func TestBarEnds(t *testing.T) {
	for range 500 {
		_, end := bar(io.Discard)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			end()
		}()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			require.Fail(t, "the bar goes on")
		}
	}
}
