package dsrudp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A heldError is what OnWriteError was told.
type heldError struct {
	path dsrudp.Path
	err  error
}

// listenHolding returns a Conn that holds back what it writes, and what it tells.
func listenHolding(t *testing.T, network string) (*dsrudp.Conn, chan heldError) {
	t.Helper()
	c := make(chan heldError, 100)
	return listenWith(t, &dsrudp.ListenConfig{
		CoalesceWrites: true,
		OnWriteError:   func(p dsrudp.Path, err error) { c <- heldError{p, err} },
	}, network, ":0"), c
}

// hold writes along p while c has datagrams that were read ahead, so that the write may be
// held back.
func hold(t *testing.T, c *dsrudp.Conn, p dsrudp.Path, payloads ...string) {
	t.Helper()
	for _, s := range payloads {
		n, err := c.WriteToPath([]byte(s), p)
		require.NoError(t, err)
		require.Equal(t, len(s), n)
	}
}
