package dsrudp_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// past is a deadline that is over.
var past = time.Unix(1, 0)

// await waits for an event.
func await[T any](t *testing.T, events <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-events:
	case <-time.After(2 * patience):
		t.Fatal("what was waited for did not happen")
	}
	return v
}

// soon waits for what tells nobody that it has happened.
func soon(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !happened(); runtime.Gosched() {
		require.True(t, time.Now().Before(end), what)
	}
}
