package dsrudp_test

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// readers are the methods that wait for a datagram, or several.
var readers = map[string]func(c *dsrudp.Conn) error{
	"ReadFromPath":        func(c *dsrudp.Conn) error { _, _, err := c.ReadFromPath(make([]byte, 16)); return err },
	"Read":                func(c *dsrudp.Conn) error { _, err := c.Read(make([]byte, 16)); return err },
	"ReadFrom":            func(c *dsrudp.Conn) error { _, _, err := c.ReadFrom(make([]byte, 16)); return err },
	"ReadFromUDP":         func(c *dsrudp.Conn) error { _, _, err := c.ReadFromUDP(make([]byte, 16)); return err },
	"ReadFromUDPAddrPort": func(c *dsrudp.Conn) error { _, _, err := c.ReadFromUDPAddrPort(make([]byte, 16)); return err },
	"ReadMsgUDP":          func(c *dsrudp.Conn) error { _, _, _, _, err := c.ReadMsgUDP(make([]byte, 16), nil); return err },
	"ReadMsgUDPAddrPort":  func(c *dsrudp.Conn) error { _, _, _, _, err := c.ReadMsgUDPAddrPort(make([]byte, 16), nil); return err },
	"ReadPackets":         func(c *dsrudp.Conn) error { _, err := c.ReadPackets(packets(1, 16)); return err },
	"ReadBatch": func(c *dsrudp.Conn) error {
		_, err := c.ReadBatch(messages(1, 16), 0)
		return err
	},
}

// TestPromise9_Unblock: Close, and a deadline set meanwhile, end every read that waits, in
// many goroutines.
func TestPromise9_Unblock(t *testing.T) {
	for how, unblock := range map[string]func(c *dsrudp.Conn) error{
		"Close":           (*dsrudp.Conn).Close,
		"SetDeadline":     func(c *dsrudp.Conn) error { return c.SetDeadline(past) },
		"SetReadDeadline": func(c *dsrudp.Conn) error { return c.SetReadDeadline(past) },
	} {
		want := os.ErrDeadlineExceeded
		if how == "Close" {
			want = net.ErrClosed
		}
		for name, reader := range readers {
			t.Run(how+"/"+name, func(t *testing.T) {
				c, err := dsrudp.ListenPacket("udp", ":0") // without the deadline that ends other tests
				require.NoError(t, err)
				defer c.Close()
				const n = 4
				started, errs := make(chan struct{}), make(chan error, n)
				for range n {
					go func() {
						started <- struct{}{}
						errs <- reader(c)
					}()
				}
				for range n {
					<-started
				}
				require.NoError(t, unblock(c))
				for range n {
					require.ErrorIs(t, await(t, errs), want)
				}
			})
		}
	}
}

// TestPromise9_Deadlines: a deadline that has passed is an error of reads, of writes, or of
// both, as it was set, until the next one is set.
func TestPromise9_Deadlines(t *testing.T) {
	c := listen(t, "udp4", "127.0.0.1:0")
	x := dial(t, vipPort0, addrPortOf(c.LocalAddr()))
	late := os.ErrDeadlineExceeded
	for i, tc := range []struct {
		set         func(time.Time) error
		at          time.Time
		write, read error
	}{
		{c.SetWriteDeadline, past, late, nil},
		{c.SetDeadline, time.Time{}, nil, nil},
		{c.SetReadDeadline, past, nil, late},
		{c.SetDeadline, past, late, late},
		{c.SetReadDeadline, time.Now().Add(patience), late, nil},
		{c.SetWriteDeadline, time.Time{}, nil, nil},
	} {
		require.NoError(t, tc.set(tc.at))
		write(t, x, "1")
		_, err := c.WriteToPath([]byte("1"), pathTo("127.0.0.1", addrPortOf(x.LocalAddr())))
		require.ErrorIs(t, err, tc.write, i)
		require.ErrorIs(t, readers["ReadFromPath"](c), tc.read, i)
	}
}

// TestPromise9_ManyGoroutines: readers and writers of every kind share a Conn, and each
// client gets its own answers. Under -race this is about shared memory too.
func TestPromise9_ManyGoroutines(t *testing.T) {
	const clients, rounds = 16, 50
	c := listen(t, "udp", ":0")
	var servers sync.WaitGroup
	for _, p := range pairs {
		for range 2 {
			servers.Go(func() {
				b := make([]byte, 64)
				err := p.echo(c, b)
				for ; err == nil; err = p.echo(c, b) {
				}
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("echo: %v", err)
				}
			})
		}
	}
	askAll(t, c, clients, rounds)
	require.NoError(t, c.Close())
	servers.Wait()
}

// TestPromise9_BlockingDescription: Fd on a duplicate makes the socket blocking for all
// its duplicates. A raw system call that trusted O_NONBLOCK would then keep its
// processor while it waits, and the garbage collector would wait for it, and all
// else for the garbage collector: so this happens in a process of its own.
func TestPromise9_BlockingDescription(t *testing.T) {
	if !apart(t, "the garbage collector waits for a reader of an idle Conn") {
		return
	}
	c := listen(t, "udp4", ":0")
	f, err := c.File()
	require.NoError(t, err)
	defer f.Close()
	f.Fd()

	reading, done := make(chan struct{}), make(chan error)
	go func() {
		close(reading)
		done <- readers["ReadFromPath"](c)
	}()
	<-reading
	for range 100 { // the reader may not be in its call yet at the first of these
		runtime.GC()
	}
	write(t, dialVIP(t, c, vips[0]), "1")
	require.NoError(t, <-done)
}
