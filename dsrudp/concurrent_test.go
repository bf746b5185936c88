package dsrudp_test

import (
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// readers are the methods that wait for a datagram.
var readers = map[string]func(c *dsrudp.Conn) error{
	"ReadFromPath":        func(c *dsrudp.Conn) error { _, _, err := c.ReadFromPath(make([]byte, 16)); return err },
	"Read":                func(c *dsrudp.Conn) error { _, err := c.Read(make([]byte, 16)); return err },
	"ReadFrom":            func(c *dsrudp.Conn) error { _, _, err := c.ReadFrom(make([]byte, 16)); return err },
	"ReadFromUDP":         func(c *dsrudp.Conn) error { _, _, err := c.ReadFromUDP(make([]byte, 16)); return err },
	"ReadFromUDPAddrPort": func(c *dsrudp.Conn) error { _, _, err := c.ReadFromUDPAddrPort(make([]byte, 16)); return err },
	"ReadMsgUDP":          func(c *dsrudp.Conn) error { _, _, _, _, err := c.ReadMsgUDP(make([]byte, 16), nil); return err },
	"ReadMsgUDPAddrPort":  func(c *dsrudp.Conn) error { _, _, _, _, err := c.ReadMsgUDPAddrPort(make([]byte, 16), nil); return err },
}

// TestUnblock: Close and a deadline set meanwhile end every waiting call, in
// many goroutines.
func TestUnblock(t *testing.T) {
	for how, unblock := range map[string]func(c *dsrudp.Conn) error{
		"Close":           (*dsrudp.Conn).Close,
		"SetDeadline":     func(c *dsrudp.Conn) error { return c.SetDeadline(time.Unix(1, 0)) },
		"SetReadDeadline": func(c *dsrudp.Conn) error { return c.SetReadDeadline(time.Unix(1, 0)) },
	} {
		want := os.ErrDeadlineExceeded
		if how == "Close" {
			want = net.ErrClosed
		}
		for name, reader := range readers {
			t.Run(how+"/"+name, func(t *testing.T) {
				c := listen(t, "udp", ":0")
				require.NoError(t, c.SetDeadline(time.Time{}))
				const n = 4
				var started sync.WaitGroup
				errs := make(chan error, n)
				for range n {
					started.Add(1)
					go func() {
						started.Done()
						errs <- reader(c)
					}()
				}
				started.Wait()
				require.NoError(t, unblock(c))
				for range n {
					select {
					case err := <-errs:
						require.ErrorIs(t, err, want)
					case <-time.After(patience):
						t.Fatal("a reader is still waiting")
					}
				}
			})
		}
	}
}

// TestManyGoroutines: readers and writers of every kind share a Conn, and each
// client gets its own answers. Under -race this looks for shared memory too.
func TestManyGoroutines(t *testing.T) {
	const clients, rounds = 16, 50
	c := listen(t, "udp", ":0")
	var servers sync.WaitGroup
	serve := func(echo func(b []byte) error) {
		servers.Go(func() {
			b := make([]byte, 64)
			for {
				err := echo(b)
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("echo: %v", err)
					return
				}
			}
		})
	}
	for range 2 {
		serve(func(b []byte) error {
			n, p, err := c.ReadFromPath(b)
			if err == nil {
				_, err = c.WriteToPath(b[:n], p)
			}
			return err
		})
		serve(func(b []byte) error {
			n, a, err := c.ReadFrom(b)
			if err == nil {
				_, err = c.WriteTo(b[:n], a)
			}
			return err
		})
		serve(func(b []byte) error {
			n, a, err := c.ReadFromUDPAddrPort(b)
			if err == nil {
				_, err = c.WriteToUDPAddrPort(b[:n], a)
			}
			return err
		})
		serve(func(b []byte) error {
			oob := make([]byte, 128)
			n, oobn, _, a, err := c.ReadMsgUDP(b, oob)
			if err == nil {
				_, _, err = c.WriteMsgUDP(b[:n], oob[:oobn], a)
			}
			return err
		})
	}
	askAll(t, c, clients, rounds)
	require.NoError(t, c.Close())
	servers.Wait()
	require.ErrorIs(t, c.Close(), net.ErrClosed)
}
