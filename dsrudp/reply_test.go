package dsrudp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// TestPromise1_Reply: several replies to one datagram leave in their order, along its path
// or another, and are copies: buffer and Packet are the handler's to change, and neither the
// replies nor the next datagrams in their place differ for that.
func TestPromise1_Reply(t *testing.T) {
	for _, s := range wildcards {
		c := listen(t, s.network, s.address)
		x, other := dialVIP(t, c, vips[0]), dialVIP(t, c, vips[1])
		elsewhere := dsrudp.Path{Local: netip.AddrPortFrom(vips[1], 0), Remote: addrPortOf(other.LocalAddr())}
		serve(t, &dsrudp.Server{BatchSize: 2, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			assert.Equal(t, dsrudp.Packet{Buf: p.Buf, N: p.N, Path: between(x), Interface: p.Interface}, *p)
			b := []byte("first.")
			n, err := w.Write(b)
			assert.NoError(t, err)
			assert.Equal(t, len(b), n)
			copy(b, "second")
			_, err = w.Write(b[:2])
			assert.NoError(t, err)
			clear(b)
			assert.NoError(t, w.WritePacket(p))
			p.Path = elsewhere
			assert.NoError(t, w.WritePacket(p))
			clear(p.Buf)
			*p = dsrudp.Packet{N: -1, SegmentSize: 7, ECN: dsrudp.CE, Truncated: true, OrigDst: vips[0], Err: syscall.EINVAL}
			assert.Error(t, w.WritePacket(p))
			_, err = w.Write(nil)
			assert.NoError(t, err)
		})}, c)
		for range 5 {
			write(t, x, "third")
			for _, want := range []string{"first.", "se", "third", ""} {
				require.Equal(t, want, read(t, x))
			}
			require.Equal(t, "third", read(t, other))
		}
	}
}

// TestPromise1_ReplyWriterKept: a ReplyWriter is refused as soon as its handler has
// returned: while the replies of its batch are sent, by the handlers of other datagrams,
// however many batches later, and between batches. Another peer, whose datagram is then in
// that one's place, gets none of it.
func TestPromise1_ReplyWriterKept(t *testing.T) {
	const rounds = 5
	c := listen(t, "udp", ":0")
	x, y := dialVIP(t, c, loopback6), dialVIP(t, c, loopback6)
	foreign := dsrudp.Path{Local: netip.MustParseAddrPort("[2001:db8::77]:0"), Remote: addrPortOf(y.LocalAddr())}
	var kept []dsrudp.ReplyWriter
	refused := func(all []dsrudp.ReplyWriter) {
		for _, w := range all {
			n, err := w.Write([]byte("late"))
			assert.ErrorContains(t, err, "after ServePacket returned")
			assert.Zero(t, n)
			p := packet("late", between(x))
			assert.ErrorContains(t, w.WritePacket(&p), "after ServePacket returned")
			assert.Same(t, c, w.Conn())
		}
	}
	served := make(chan []dsrudp.ReplyWriter, 2*rounds+4)
	var sending atomic.Int64
	enqueue(t, 1, x, y) // one batch
	serve(t, &dsrudp.Server{
		OnError: func(dsrudp.Path, error) {
			refused(kept)
			sending.Add(1)
		},
		Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			refused(kept)
			if p.Path == between(x) {
				kept = append(kept, w)
			}
			q := packet("to be reported while replies are sent", foreign)
			assert.NoError(t, w.WritePacket(&q))
			echoing(t).ServePacket(w, p)
			served <- kept
		}),
	}, c)
	requireEchoes(t, 1, x, y)
	for range rounds {
		refused(await(t, served))
		refused(await(t, served))
		begun(t, x)
		begun(t, y)
	}
	enqueue(t, 1, x, y)
	requireEchoes(t, 1, x, y) // and nothing else
	require.Positive(t, sending.Load())
}

// TestT24_ReplyWriterElsewhere: nor does one get there that another goroutine uses at the very
// moment at which its handler returns. Each reply names the peer whom it is for.
func TestT24_ReplyWriterElsewhere(t *testing.T) {
	const rounds = 200
	for _, concurrency := range []int{0, 4} {
		c := listen(t, "udp", ":0")
		clients := []*net.UDPConn{dialVIP(t, c, loopback6), dialVIP(t, c, loopback6)}
		kept := make(chan func() error)
		var using sync.WaitGroup
		for range 2 {
			using.Go(func() {
				for use := range kept {
					for use() == nil {
					}
				}
			})
		}
		v := serve(t, &dsrudp.Server{Concurrency: concurrency, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			b := []byte(p.Path.Remote.String())
			select {
			case kept <- func() error { _, err := w.Write(b); return err }:
			default:
			}
			_, err := w.Write(b)
			assert.NoError(t, err)
		})}, c)
		for range rounds {
			enqueue(t, 1, clients...)
			for _, x := range clients {
				require.Equal(t, x.LocalAddr().String(), read(t, x))
			}
		}
		require.NoError(t, c.Close())
		require.ErrorIs(t, v.wait(t), net.ErrClosed)
		close(kept)
		using.Wait()
	}
}

// limited is middleware: it keeps back replies that are longer than the request, and marks
// the others.
func limited(h dsrudp.Handler) dsrudp.HandlerFunc {
	return func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		n := p.N
		h.ServePacket(dsrudp.NewReplyWriter(p, func(reply *dsrudp.Packet) error {
			if reply.N > n {
				return errTooMuch
			}
			reply.Payload()[0] = '!'
			return w.WritePacket(reply)
		}), p)
	}
}

var errTooMuch = errors.New("too much")

var _ io.Writer = dsrudp.ReplyWriter{}

// TestT40_NewReplyWriter: a Handler runs without a socket. Replies are copies, which the hook
// may change and keep; its error is the reply's, and what can never be sent does not get to
// it. The zero ReplyWriter, and one without a hook, return errors.
func TestT40_NewReplyWriter(t *testing.T) {
	request := packet("request", dsrudp.Path{Local: netip.MustParseAddrPort("192.0.2.1:53"), Remote: netip.MustParseAddrPort("192.0.2.2:1053")})
	request.ECN, request.SegmentSize, request.Truncated, request.OrigDst, request.Err = dsrudp.CE, 3, true, vips[0], syscall.EINVAL
	request.Interface = 7
	asked := request.Path
	elsewhere := packet("elsewhere", dsrudp.Path{Local: asked.Local, Remote: netip.MustParseAddrPort("192.0.2.3:9")})
	elsewhere.ECN, elsewhere.SegmentSize = dsrudp.ECT0, 4
	var replies []dsrudp.Packet
	w := dsrudp.NewReplyWriter(&request, func(reply *dsrudp.Packet) error {
		replies = append(replies, *reply)
		if string(reply.Payload()) == "refused" {
			return errTooMuch
		}
		return nil
	})
	require.Nil(t, w.Conn())
	request.Path = dsrudp.Path{} // its handler may change it
	b := []byte("reply")
	n, err := w.Write(b)
	require.NoError(t, err)
	require.Equal(t, len(b), n)
	clear(b)
	require.NoError(t, w.WritePacket(&elsewhere))
	clear(elsewhere.Buf)
	n, err = w.Write([]byte("refused"))
	require.ErrorIs(t, err, errTooMuch)
	require.Zero(t, n)
	bad := packet("bad", asked)
	bad.N = 7
	assertWriteError(t, w.WritePacket(&bad), syscall.EINVAL, asked.Remote)

	want := []dsrudp.Packet{packet("reply", asked), packet("elsewhere", elsewhere.Path), packet("refused", asked)}
	want[1].ECN, want[1].SegmentSize = elsewhere.ECN, elsewhere.SegmentSize
	want[0].Interface, want[2].Interface = request.Interface, request.Interface
	require.Equal(t, want, replies)

	for name, w := range map[string]dsrudp.ReplyWriter{"zero": {}, "no hook": dsrudp.NewReplyWriter(&request, nil)} {
		n, err := w.Write(b)
		require.ErrorContains(t, err, "no request", name)
		require.Zero(t, n)
		require.ErrorContains(t, w.WritePacket(&request), "no request", name)
		require.ErrorContains(t, w.WritePacket(nil), "no request", name)
		require.Nil(t, w.Conn())
	}
}

// TestT41_Middleware: handlers around another one see and change each reply, which leaves from
// the address that was asked, and an error reaches the innermost handler. One that is kept is
// refused as any ReplyWriter.
func TestT41_Middleware(t *testing.T) {
	for _, concurrency := range []int{0, 4} {
		c := listen(t, "udp", ":0")
		x, y := dialOnePort(t, c, vips[0], vips[1])
		kept := make(chan dsrudp.ReplyWriter, 100)
		serve(t, &dsrudp.Server{Concurrency: concurrency, Handler: limited(limited(dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			_, err := w.Write(append([]byte("longer "), p.Payload()...))
			assert.ErrorIs(t, err, errTooMuch)
			assert.NoError(t, writing(w, p))
			kept <- w
		})))}, c)
		for _, client := range []*net.UDPConn{x, y, x} {
			write(t, client, "request")
			require.Equal(t, "!equest", read(t, client))
		}
		late := await(t, kept)
		soon(t, "its handler has returned", func() bool {
			_, err := late.Write([]byte("late"))
			return err != nil && assert.ErrorContains(t, err, "after ServePacket returned")
		})
	}
}

// TestPromise1_ReplyErrors: Write and WritePacket return at once what can never be right,
// in the shape of the error that the Conn's own write returns. That is counted, OnError is
// not called, and the requests around it are answered.
func TestPromise1_ReplyErrors(t *testing.T) {
	needNetlink(t)
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, loopback6)
	enqueue(t, 3, x)
	tooLong := make([]byte, 70000)
	onError, all := collecting()
	v := serve(t, &dsrudp.Server{OnError: onError, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		for local, want := range map[netip.AddrPort]error{
			{}: dsrudp.ErrNoPath,
			netip.AddrPortFrom(netip.IPv6Unspecified(), 0):             dsrudp.ErrNoPath,
			netip.AddrPortFrom(vips[0], 0):                             dsrudp.ErrNotLocal, // of another family
			netip.AddrPortFrom(netip.MustParseAddr("ff02::1"), 0):      dsrudp.ErrNotLocal,
			netip.AddrPortFrom(p.Path.Local.Addr(), portOf(c)+1):       dsrudp.ErrNotLocal,
			netip.AddrPortFrom(netip.MustParseAddr("fe80::1%none"), 0): dsrudp.ErrNotLocal,
		} {
			q := *p
			q.Path.Local = local
			_, err := c.WriteToPath(q.Payload(), q.Path)
			assertWriteError(t, err, want, q.Path.Remote)
			q.SegmentSize = q.N - 1 // two datagrams
			assert.EqualError(t, w.WritePacket(&q), err.Error())
		}
		q := *p
		q.Path.Remote, q.SegmentSize = netip.AddrPortFrom(p.Path.Remote.Addr(), 0), q.N-1
		assertWriteError(t, w.WritePacket(&q), syscall.EINVAL, q.Path.Remote)
		q = *p
		q.Path.Remote = netip.AddrPort{}
		assert.Error(t, w.WritePacket(&q))
		q = *p
		q.N = len(q.Buf) + 1
		assert.ErrorContains(t, w.WritePacket(&q), "Packet.N")
		_, err := c.WriteToPath(tooLong, p.Path)
		assertWriteError(t, err, errors.Unwrap(mmsg.ErrTooLong), p.Path.Remote)
		n, err2 := w.Write(tooLong)
		assert.Zero(t, n)
		assert.EqualError(t, err2, err.Error())
		q = packet(strings.Repeat("x", 3*65535-1), p.Path)
		q.SegmentSize = 65535 // and so are two of its three segments
		assert.EqualError(t, w.WritePacket(&q), err.Error())
		echoing(t).ServePacket(w, p)
	})}, c)
	requireEchoes(t, 3, x)
	require.EqualValues(t, 3*6*(1+2), c.Stats().Refused)
	require.EqualValues(t, 3*2, c.Stats().Unanswerable)
	require.EqualValues(t, 3*5, c.Stats().SendFailed)
	require.NoError(t, c.Close())
	require.ErrorIs(t, v.wait(t), net.ErrClosed)
	require.Empty(t, all)
}

// TestPromise8_FailuresBounded: how many failures wait to be reported is bounded, whatever
// the length of replies: OnError is called while the handler writes more, and may write too.
func TestPromise8_FailuresBounded(t *testing.T) {
	const bound = 1 << 10
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, loopback6)
	reported := 0
	var writer dsrudp.ReplyWriter
	serve(t, &dsrudp.Server{
		OnError: func(dsrudp.Path, error) {
			if reported++; reported == 1 {
				_, err := writer.Write([]byte("by OnError"))
				assert.NoError(t, err)
			}
		},
		Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			writer = w
			foreign := packet("", dsrudp.Path{Local: netip.MustParseAddrPort("[2001:db8::77]:0"), Remote: p.Path.Remote})
			for range bound {
				assert.NoError(t, w.WritePacket(&foreign))
			}
			assert.Zero(t, reported)
			assert.NoError(t, w.WritePacket(&foreign))
			assert.Equal(t, bound, reported)
			echoing(t).ServePacket(w, p)
		}),
	}, c)
	enqueue(t, 1, x)
	require.Equal(t, "by OnError", read(t, x))
	requireEchoes(t, 1, x)
	soon(t, "the last one is counted", func() bool { return c.Stats().Refused == bound+1 })
}

// TestPromise7_Panic: a handler's panic is logged with the path and the stack, by slog's
// default where there is no ErrorLog, and counted. No other datagram goes without its
// reply, be it of the same batch.
func TestPromise7_Panic(t *testing.T) {
	for name, own := range map[string]bool{"ErrorLog": true, "slog": false} {
		t.Run(name, func(t *testing.T) {
			c := listen(t, "udp", ":0")
			x := dialVIP(t, c, loopback6)
			sent := []string{"panic", "1", "panic", "2", "3", "panic"}
			for _, s := range sent {
				write(t, x, s)
			}
			var log bytes.Buffer
			s := &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				echoing(t).ServePacket(w, p)
				if string(p.Payload()) == "panic" {
					p.Path = dsrudp.Path{} // what is logged is the datagram's
					p.Buf, p.N = nil, 7
					panic("as it should")
				}
			})}
			s.ErrorLog = slog.New(slog.NewJSONHandler(&log, nil))
			if !own {
				old := slog.Default()
				slog.SetDefault(s.ErrorLog)
				defer slog.SetDefault(old)
				s.ErrorLog = nil
			}
			v := serve(t, s, c)
			for _, s := range sent {
				require.Equal(t, s, read(t, x))
			}
			begun(t, x) // another batch
			require.EqualValues(t, 3, c.Stats().Panics)
			require.NoError(t, c.Close())
			require.ErrorIs(t, v.wait(t), net.ErrClosed)
			logged := json.NewDecoder(&log)
			for range 3 {
				var r struct{ Level, Path, Panic, Stack string }
				require.NoError(t, logged.Decode(&r))
				require.Equal(t, "ERROR", r.Level)
				require.Equal(t, "as it should", r.Panic)
				require.Equal(t, between(x).String(), r.Path)
				require.Contains(t, r.Stack, "TestPromise7_Panic")
			}
			require.False(t, logged.More())
		})
	}
}
