package dsrudp_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// readers are the methods that wait for a datagram, or several.
var readers = map[string]func(c *dsrudp.Conn) error{
	"ReadFromPath":        func(c *dsrudp.Conn) error { n, _, err := c.ReadFromPath(make([]byte, 16)); return alone(n, err) },
	"Read":                func(c *dsrudp.Conn) error { n, err := c.Read(make([]byte, 16)); return alone(n, err) },
	"ReadFrom":            func(c *dsrudp.Conn) error { n, _, err := c.ReadFrom(make([]byte, 16)); return alone(n, err) },
	"ReadFromUDP":         func(c *dsrudp.Conn) error { n, _, err := c.ReadFromUDP(make([]byte, 16)); return alone(n, err) },
	"ReadFromUDPAddrPort": func(c *dsrudp.Conn) error { n, _, err := c.ReadFromUDPAddrPort(make([]byte, 16)); return alone(n, err) },
	"ReadMsgUDP": func(c *dsrudp.Conn) error {
		n, _, _, _, err := c.ReadMsgUDP(make([]byte, 16), nil)
		return alone(n, err)
	},
	"ReadMsgUDPAddrPort": func(c *dsrudp.Conn) error {
		n, _, _, _, err := c.ReadMsgUDPAddrPort(make([]byte, 16), nil)
		return alone(n, err)
	},
	"ReadPackets": func(c *dsrudp.Conn) error { n, err := c.ReadPackets(packets(1, 16)); return alone(n, err) },
	"ReadBatch":   func(c *dsrudp.Conn) error { n, err := c.ReadBatch(messages(1, 16), 0); return alone(n, err) },
}

// writers are the methods that send, here one datagram along a path. Those that take its
// remote address alone find the local one by what is remembered.
var writers = map[string]func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error{
	"WriteToPath": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
		n, err := c.WriteToPath(b, p)
		return alone(n, err)
	},
	"WritePackets": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
		n, err := c.WritePackets([]dsrudp.Packet{packet(string(b), p)})
		return alone(n, err)
	},
	"WriteTo": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
		n, err := c.WriteTo(b, net.UDPAddrFromAddrPort(p.Remote))
		return alone(n, err)
	},
	"WriteToUDP": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
		n, err := c.WriteToUDP(b, net.UDPAddrFromAddrPort(p.Remote))
		return alone(n, err)
	},
	"WriteToUDPAddrPort": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
		n, err := c.WriteToUDPAddrPort(b, p.Remote)
		return alone(n, err)
	},
	"WriteMsgUDP": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
		n, oobn, err := c.WriteMsgUDP(b, nil, net.UDPAddrFromAddrPort(p.Remote))
		return alone(n+oobn, err)
	},
	"WriteMsgUDPAddrPort": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
		n, oobn, err := c.WriteMsgUDPAddrPort(b, nil, p.Remote)
		return alone(n+oobn, err)
	},
	"WriteBatch": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
		n, err := c.WriteBatch([]ipv4.Message{message(string(b), net.UDPAddrFromAddrPort(p.Remote))}, 0)
		return alone(n, err)
	},
}

// alone returns err, beside which nothing may have been read or written.
func alone(n int, err error) error {
	if err != nil && n != 0 {
		panic(fmt.Sprintf("%d beside error %v", n, err))
	}
	return err
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
// both, as it was set, until the next one is set. It takes no datagram away.
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
		for name, writeTo := range writers {
			require.ErrorIs(t, writeTo(c, []byte("1"), between(x)), tc.write, "%s in step %d", name, i)
		}
		for name, read := range readers {
			write(t, x, "1")
			require.ErrorIs(t, read(c), tc.read, "%s in step %d", name, i)
		}
	}
	readAll(t, c, 2*len(readers))
	n, err := c.ReadPackets(nil) // waits for nothing
	require.NoError(t, err)
	require.Zero(t, n)
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
