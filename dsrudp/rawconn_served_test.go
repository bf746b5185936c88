package dsrudp_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// besides are reads beside a Server that are not reads of one datagram into a
// buffer.
var besides = map[string]func(c *dsrudp.Conn) error{
	"Read(nil)":   func(c *dsrudp.Conn) error { _, err := c.Read(nil); return err },
	"Read(empty)": func(c *dsrudp.Conn) error { _, err := c.Read([]byte{}); return err },
	"ReadFrom(nil)": func(c *dsrudp.Conn) error {
		_, _, err := c.ReadFrom(nil)
		return err
	},
	"SyscallConn().Read": func(c *dsrudp.Conn) error {
		raw, err := c.SyscallConn()
		if err != nil {
			return err
		}
		return raw.Read(func(uintptr) bool { return true })
	},
}

// TestServedRaw: those are refused at once too, by a handler or besides it, and do
// not wait for the Server's own read to end. What is no read goes on.
func TestServedRaw(t *testing.T) {
	for name, read := range besides {
		t.Run(name, func(t *testing.T) {
			c := listen(t, "udp", ":0")
			x := dialVIP(t, c, netip.IPv6Loopback())
			inside := make(chan error, 1)
			serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				select {
				case inside <- read(c):
				default:
				}
				assertRawWorks(t, c)
				echoing(t).ServePacket(w, p)
			})}, c)
			enqueue(t, 1, x)
			assert.ErrorIs(t, await(t, inside), dsrudp.ErrNotSupported)
			requireEchoes(t, 1, x)
			outside := make(chan error, 1)
			go func() { outside <- read(c) }()
			assert.ErrorIs(t, await(t, outside), dsrudp.ErrNotSupported)
			assertRawWorks(t, c)
			begun(t, x)
		})
	}
}

// assertRawWorks calls what is left of the raw socket.
func assertRawWorks(t *testing.T, c *dsrudp.Conn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if !assert.NoError(t, err) {
		return
	}
	calls := 0
	assert.NoError(t, raw.Control(func(uintptr) { calls++ }))
	assert.NoError(t, raw.Write(func(uintptr) bool { calls++; return true }))
	assert.Equal(t, 2, calls)
}
