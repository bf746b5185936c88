package facts_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// severalPackets is a way to send a list, of which the first two can be one message.
var severalPackets = sendWay{"WritePackets of several", func(c *dsrudp.Conn, payload string, from netip.Addr, to netip.AddrPort) error {
	p := path(from, to)
	ps := []dsrudp.Packet{packet(payload, p), packet(payload, p), packet(payload+" and longer", p)}
	n, err := c.WritePackets(ps)
	for _, p := range ps[n:] {
		if p.Err == nil || err == nil {
			return fmt.Errorf("%d were sent, with the errors %w and %w", n, err, p.Err)
		}
	}
	return err
}}

// waitingSends are the ways to send that wait for room, each by its own means.
var waitingSends = []sendWay{sends[0], sends[2], sends[4], sends[5], severalPackets, remoteSends[0], remoteSends[1]}

// K8.4: a full send buffer is EAGAIN, which callers do not see: a write waits
// until there is room, its deadline, or Close. What the deadline ends, or a flag that
// says not to wait, is no failure to be counted.
func TestK8_4_SendBufferFull(t *testing.T) {
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		_, c, client, p, unblock := full(t, dsrudp.ListenConfig{}, f, network)
		from, before := p.Local.Addr(), c.Stats()
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
		for _, w := range waitingSends {
			err := w.send(c, "late", from, p.Remote)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded, w.name)
			requireOp(t, err, "write")
		}
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(patience)))
		ms := []ipv4.Message{{Buffers: [][]byte{[]byte("late")}, OOB: source(from), Addr: net.UDPAddrFromAddrPort(p.Remote)}}
		_, err := c.WriteBatch(append(ms, ms...), unix.MSG_DONTWAIT)
		require.ErrorIs(t, err, unix.EAGAIN)
		require.Equal(t, before, c.Stats())

		written, missing := make(chan error, len(waitingSends)), map[string]bool{}
		for _, w := range waitingSends {
			missing["in the end by "+w.name] = true
			go func() { written <- w.send(c, "in the end by "+w.name, from, p.Remote) }()
		}
		awaitWaiting(t, len(waitingSends))
		require.Empty(t, written)
		unblock()
		for range waitingSends {
			require.NoError(t, await(t, written))
		}
		for len(missing) > 0 {
			payload := read(t, client)
			require.NotEqual(t, "late", payload)
			delete(missing, payload)
		}
		require.Zero(t, c.Stats().Refused+failures(c))
	})
}

// K8.4: Close ends writes that wait for room.
func TestK8_4_CloseWhileFull(t *testing.T) {
	_, c, _, p, _ := full(t, dsrudp.ListenConfig{}, families[1], "udp")
	written := make(chan error, len(waitingSends))
	for _, w := range waitingSends {
		go func() { written <- w.send(c, "never", p.Local.Addr(), p.Remote) }()
	}
	awaitWaiting(t, len(waitingSends))
	require.NoError(t, c.Close())
	for range waitingSends {
		require.ErrorIs(t, await(t, written), net.ErrClosed)
	}
}

// Fd on a duplicate makes the socket blocking for all its duplicates. A send
// that trusted O_NONBLOCK would wait for room in the kernel and keep its processor
// while it does, and the garbage collector would wait for it, and all else for the
// garbage collector: so this happens in a process of its own.
func TestPromise9_BlockingDescriptionFull(t *testing.T) {
	labtest.Need(t)
	const child = "FACTS_TEST_BLOCKING"
	if os.Getenv(child) == "" {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.run=^TestPromise9_BlockingDescriptionFull$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, ctx.Err(), "the garbage collector waits for a writer to a full send buffer")
		require.NoError(t, err, "%s", out)
		return
	}

	for _, w := range waitingSends { // each by itself, as others would wait for its turn
		_, c, _, p, unblock := full(t, dsrudp.ListenConfig{}, families[1], "udp")
		file, err := c.File()
		require.NoError(t, err)
		flags, err := unix.FcntlInt(file.Fd(), unix.F_GETFL, 0)
		require.NoError(t, err)
		require.Zero(t, flags&unix.O_NONBLOCK, "nothing is blocking, and the test proves nothing")

		written := make(chan error, 1)
		go func() { written <- w.send(c, "in the end", p.Local.Addr(), p.Remote) }()
		awaitWaiting(t, 1)
		runtime.GC()
		unblock()
		require.NoError(t, await(t, written))
		require.NoError(t, file.Close())
		require.NoError(t, c.Close())
	}
}

// K8.4: a datagram larger than the whole buffer is an error, the same as under
// net, and the next one is none the worse for it.
func TestK8_4_LargerThanSendBuffer(t *testing.T) {
	s := newCable(t)
	long := string(make([]byte, 60000))
	eachFamily(t, "dsrudp", func(t *testing.T, f family, network string) {
		b, client := s.listen(t, network, netip.Addr{}, freebind), s.dial(t, f.vips[0])
		require.NoError(t, b.SetWriteBuffer(1))
		_, _, want := b.WriteMsgUDPAddrPort([]byte(long), source(f.vips[0]), b.asked(client).from)
		requireErrno(t, want, unix.ENOBUFS, unix.EMSGSIZE)
		require.NoError(t, b.Close())

		c := s.conn(t, small, network, netip.Addr{})
		p := s.path(t, c, client)
		for i, w := range append(sends, remoteSends...) {
			err := w.send(c, long, p.Local.Addr(), p.Remote)
			requireErrno(t, err, unix.ENOBUFS, unix.EMSGSIZE)
			require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
			require.EqualValues(t, i+1, failures(c), w.name)
			require.NoError(t, w.send(c, "short by "+w.name, p.Local.Addr(), p.Remote))
			requireAccepted(t, client, "short by "+w.name)
		}
		ps := []dsrudp.Packet{packet("first", p), packet(long, p), packet(long, p), packet("last", p)}
		n, err := c.WritePackets(ps)
		require.Equal(t, 2, n)
		require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
		for _, p := range ps[1:3] {
			requireErrno(t, p.Err, unix.ENOBUFS, unix.EMSGSIZE)
		}
		requireAccepted(t, client, "first")
		requireAccepted(t, client, "last")
	})
}

// K8.4: a Server whose send buffer is full waits a bounded time for room, then drops
// and reports each reply until one leaves again, also where poll(2) returns at once because
// an error is queued. Close and Shutdown end it meanwhile.
func TestK8_4_ServerFull(t *testing.T) {
	for end, do := range map[string]func(t *testing.T, s *dsrudp.Server, c *dsrudp.Conn){
		"room":  nil,
		"Close": func(t *testing.T, _ *dsrudp.Server, c *dsrudp.Conn) { require.NoError(t, c.Close()) },
		"Shutdown": func(t *testing.T, s *dsrudp.Server, _ *dsrudp.Conn) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_ = s.Shutdown(ctx) // that of ctx, unless all has ended by then
		},
	} {
		eachFamily(t, "dsrudp/"+end, func(t *testing.T, f family, network string) {
			site, c, client, _, unblock := full(t, dsrudp.ListenConfig{}, f, network, queueErrors)
			require.NoError(t, c.SetDeadline(time.Time{})) // nothing but what is tested ends the wait
			failed, ended, written := make(chan error, 2), make(chan error, 1), make(chan struct{}, 3)
			s := &dsrudp.Server{
				OnError: func(p dsrudp.Path, err error) {
					// Of reads Go's poller says that they are not pollable while the
					// error is all that there is, of net's too.
					if p.IsValid() {
						failed <- err
					}
				},
				Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
					echo(t).ServePacket(w, p)
					written <- struct{}{}
				}),
			}
			go func() { ended <- s.Serve(c) }()
			site.ask(t, client)
			await(t, written)
			if do != nil {
				do(t, s, c)
				requireDropped(t, await(t, failed))
				require.Error(t, await(t, ended))
				return
			}
			requireDropped(t, await(t, failed))
			site.ask(t, client)
			requireDropped(t, await(t, failed)) // without another wait
			require.EqualValues(t, 2, c.Stats().SendNoBuffer)
			unblock()
			request := site.ask(t, client)
			for read(t, client) != request {
				continue // what filled the buffer
			}
			require.NoError(t, s.Shutdown(t.Context()))
			require.ErrorIs(t, await(t, ended), dsrudp.ErrServerClosed)
			require.Empty(t, failed)
		})
	}
}

// requireDropped requires the error of a reply that a Server dropped for want of room, or
// because the wait for it was ended by Close.
func requireDropped(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, net.ErrClosed) {
		require.ErrorIs(t, err, unix.EAGAIN)
	}
}

// Writes that wait for room in the send buffer, or for another one that does, are
// refused when there is room after their VIP was withdrawn. Each datagram is counted
// once, those that are sent in parts too, and each writer gets one error.
func TestPromise5_WithdrawnWhileWaiting(t *testing.T) {
	const writers, segments = 4, 64 // more segments than are sent at once
	long := sendWay{"WritePackets of segments", func(c *dsrudp.Conn, payload string, from netip.Addr, to netip.AddrPort) error {
		p := packet(string(make([]byte, segments*50)), path(from, to))
		p.SegmentSize = 50
		_, err := c.WritePackets([]dsrudp.Packet{p})
		return err
	}}
	for _, w := range append(sends, severalPackets, long) {
		t.Run("dsrudp/"+w.name, func(t *testing.T) {
			s, c, _, p, unblock := full(t, dsrudp.ListenConfig{NoOffload: w.name == long.name}, families[1], "udp")
			never, written := unique("waits"), make(chan error, writers)
			for range writers {
				go func() { written <- w.send(c, never, p.Local.Addr(), p.Remote) }()
			}
			awaitWaiting(t, writers)
			s.withdraw(t, single(p.Local.Addr()))
			require.Empty(t, written)
			unblock()
			for range writers {
				requireNotLocal(t, await(t, written))
			}
			s.requireNotSent(t, never, never+never, never+" and longer")
			datagrams := map[string]int{severalPackets.name: 3, long.name: segments}
			require.EqualValues(t, writers*max(1, datagrams[w.name]), c.Stats().Refused)
		})
	}
}

// The same of a Server, whose OnError is called once for each reply. It waits a bounded
// time, so that the reply may have been dropped when there is room.
func TestPromise5_WithdrawnWhileServerWaits(t *testing.T) {
	for name, segments := range map[string]int{"one": 1, "segments": 64} {
		t.Run("dsrudp/"+name, func(t *testing.T) {
			s, c, client, p, unblock := full(t, dsrudp.ListenConfig{NoOffload: true}, families[1], "udp")
			failed := make(chan dsrudp.Path, 2*segments)
			serve(t, &dsrudp.Server{
				OnError: func(p dsrudp.Path, err error) {
					assert.True(t, errors.Is(err, dsrudp.ErrNotLocal) || errors.Is(err, unix.EAGAIN), "%v", err)
					failed <- p
				},
				Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, r *dsrudp.Packet) {
					q := packet(string(make([]byte, segments*50)), r.Path)
					q.SegmentSize = 50
					assert.NoError(t, w.WritePacket(&q))
				}),
			}, c)
			s.ask(t, client)
			s.withdraw(t, single(p.Local.Addr()))
			unblock()
			require.Equal(t, p, await(t, failed))
			stats := c.Stats()
			require.EqualValues(t, segments, stats.Refused+stats.SendNoBuffer)
			require.Empty(t, failed)
			for _, sent := range s.wire.Packets() {
				require.False(t, sent.Outgoing && len(sent.Payload) == 50, "%v", sent)
			}
		})
	}
}
