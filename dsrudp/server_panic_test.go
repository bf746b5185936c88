package dsrudp_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A panicRecord is what is logged of a panic.
type panicRecord struct{ Level, Path, Panic, Stack string }

func records(t *testing.T, log *bytes.Buffer) (rs []panicRecord) {
	t.Helper()
	for d := json.NewDecoder(log); d.More(); {
		var r panicRecord
		require.NoError(t, d.Decode(&r))
		rs = append(rs, r)
	}
	return rs
}

// panicking panics when it is told to, after it has answered.
func panicking(t *testing.T) dsrudp.Handler {
	return dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		echoing(t).ServePacket(w, p)
		if string(p.Payload()) == "panic" {
			p.Path = dsrudp.Path{} // what is logged is the datagram's
			p.Buf, p.N = nil, 7
			panic("told to")
		}
	})
}

// TestPanic: a handler's panic is logged with the path and the stack and
// counted, and costs no other datagram its answer, be it of the same batch.
func TestPanic(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	sent := []string{"panic", "1", "panic", "2", "3", "panic"}
	for _, s := range sent {
		write(t, x, s)
	}
	var log bytes.Buffer
	v := serve(t, &dsrudp.Server{Handler: panicking(t), ErrorLog: slog.New(slog.NewJSONHandler(&log, nil))}, c)
	for _, s := range append(sent, "another batch") {
		if s == "another batch" {
			write(t, x, s)
		}
		require.Equal(t, s, read(t, x))
	}
	require.EqualValues(t, 3, c.Stats().Panics)
	require.NoError(t, c.Close())
	require.ErrorIs(t, v.wait(t), net.ErrClosed)
	rs := records(t, &log)
	require.Len(t, rs, 3)
	for _, r := range rs {
		require.Equal(t, "ERROR", r.Level)
		require.Equal(t, "told to", r.Panic)
		require.Equal(t, dsrudp.Path{Local: addrPortOf(x.RemoteAddr()), Remote: addrPortOf(x.LocalAddr())}.String(), r.Path)
		require.Contains(t, r.Stack, "panicking")
	}
}

// TestPanicDefaultLog: without an ErrorLog it is slog's default that is told.
func TestPanicDefaultLog(t *testing.T) {
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	defer slog.SetDefault(old)
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	v := serve(t, &dsrudp.Server{Handler: panicking(t)}, c)
	for _, s := range []string{"panic", "1"} {
		write(t, x, s)
		require.Equal(t, s, read(t, x))
	}
	require.NoError(t, c.Close())
	require.ErrorIs(t, v.wait(t), net.ErrClosed)
	require.Len(t, records(t, &log), 1)
}

// TestGoexit: a handler that ends its goroutine ends the serving of that Conn,
// and Serve says so. Another Conn is served on.
func TestGoexit(t *testing.T) {
	a, b := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	x, y := dialVIP(t, a, netip.IPv6Loopback()), dialVIP(t, b, netip.IPv6Loopback())
	inA := make(chan struct{})
	v := serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if w.Conn() == a {
			close(inA)
			runtime.Goexit()
		}
		echoing(t).ServePacket(w, p)
	})}, a, b)
	enqueue(t, 1, x)
	await(t, inA)
	soonFree(t, a)
	require.Zero(t, a.Stats().Panics)
	enqueue(t, 1, y)
	requireEchoes(t, 1, y)
	require.NoError(t, b.Close())
	err := v.wait(t)
	require.ErrorContains(t, err, "Goexit")
	require.ErrorIs(t, err, net.ErrClosed)
}
