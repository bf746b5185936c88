package dsrudp_test

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// begun waits until s serves: it has answered a client.
func begun(t *testing.T, x *net.UDPConn) {
	t.Helper()
	enqueue(t, 1, x)
	requireEchoes(t, 1, x)
}

// TestServeRefuses: Serve says why it cannot begin, and leaves all Conns alone.
func TestServeRefuses(t *testing.T) {
	echo := echoing(t)
	closed := listen(t, "udp", ":0")
	require.NoError(t, closed.Close())
	ahead := listenWith(t, &dsrudp.ListenConfig{ReadAhead: 2}, "udp", ":0")
	served := listen(t, "udp", ":0")
	serve(t, &dsrudp.Server{Handler: echo}, served)
	begun(t, dialVIP(t, served, netip.IPv6Loopback()))
	good := listen(t, "udp", ":0")
	x := dialVIP(t, good, netip.IPv6Loopback())
	for name, tc := range map[string]struct {
		s     *dsrudp.Server
		conns []*dsrudp.Conn
		is    error
		says  string
	}{
		"no Handler":       {&dsrudp.Server{}, []*dsrudp.Conn{good}, nil, "no Handler"},
		"BatchSize -1":     {&dsrudp.Server{Handler: echo, BatchSize: -1}, []*dsrudp.Conn{good}, nil, "BatchSize is -1"},
		"BatchSize 33":     {&dsrudp.Server{Handler: echo, BatchSize: 33}, []*dsrudp.Conn{good}, nil, "BatchSize is 33"},
		"no Conn":          {&dsrudp.Server{Handler: echo}, nil, nil, "without a Conn"},
		"nil Conn":         {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, nil}, syscall.EINVAL, ""},
		"zero Conn":        {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, {}}, syscall.EINVAL, ""},
		"closed Conn":      {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, closed}, net.ErrClosed, ""},
		"served elsewhere": {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, served}, dsrudp.ErrNotSupported, "a Server reads this Conn"},
		"named twice":      {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, good}, dsrudp.ErrNotSupported, "a Server reads this Conn"},
		"ReadAhead":        {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, ahead}, dsrudp.ErrNotSupported, "ReadAhead"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.s.Serve(tc.conns...)
			require.Error(t, err)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			require.ErrorContains(t, err, tc.says)

			write(t, x, "untouched")
			n, p, err := good.ReadFromPath(make([]byte, 16))
			require.NoError(t, err)
			_, err = good.WriteToPath([]byte("untouched")[:n], p)
			require.NoError(t, err)
			require.Equal(t, "untouched", read(t, x))
		})
	}
	begun(t, dialVIP(t, served, netip.IPv6Loopback()))
}

// TestServedReads: reads beside a Server are refused, and take nothing from it.
func TestServedReads(t *testing.T) {
	c := listen(t, "udp", ":0")
	serve(t, &dsrudp.Server{Handler: echoing(t)}, c)
	x := dialVIP(t, c, netip.IPv6Loopback())
	begun(t, x)
	refused := func(name string, err error) {
		require.ErrorIs(t, err, dsrudp.ErrNotSupported, name)
		var op *net.OpError
		require.ErrorAs(t, err, &op, name)
		require.Equal(t, "read", op.Op, name)
	}
	for name, read := range readers {
		refused(name, read(c))
	}
	_, err := c.ReadPackets([]dsrudp.Packet{{Buf: make([]byte, 16)}})
	refused("ReadPackets", err)
	_, err = c.ReadBatch([]ipv4.Message{{Buffers: [][]byte{make([]byte, 16)}}}, 0)
	refused("ReadBatch", err)
	begun(t, x)
}

// TestServedWrites: writes of many goroutines go on while a Server reads, and
// waits for datagrams.
func TestServedWrites(t *testing.T) {
	const writers, each = 8, 20
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	paths := make(chan dsrudp.Path, 1)
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(_ dsrudp.ReplyWriter, p *dsrudp.Packet) {
		paths <- p.Path
	})}, c)
	write(t, x, "here")
	p := await(t, paths)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for i := range each {
				var err error
				if i%2 == 0 {
					_, err = c.WriteToPath([]byte("pushed"), p)
				} else {
					_, err = c.WritePackets([]dsrudp.Packet{{Buf: []byte("pushed"), N: 6, Path: p}})
				}
				if err != nil {
					t.Errorf("writing: %v", err)
				}
			}
		})
	}
	for range writers * each {
		require.Equal(t, "pushed", read(t, x))
	}
	wg.Wait()
}

// TestServedDeadline: a read deadline ends the serving of its Conn alone, and the
// Conn with it.
func TestServedDeadline(t *testing.T) {
	a, b := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	x, y := dialVIP(t, a, netip.IPv6Loopback()), dialVIP(t, b, netip.IPv6Loopback())
	onError, all := telling()
	v := serve(t, &dsrudp.Server{Handler: echoing(t), OnError: onError}, a, b)
	begun(t, x)
	begun(t, y)
	require.NoError(t, a.SetReadDeadline(time.Unix(1, 0)))
	soonFree(t, a)
	begun(t, y)
	require.NoError(t, b.Close())
	err := v.wait(t)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.ErrorIs(t, err, net.ErrClosed)
	require.Empty(t, all)
}

// TestServeAgain: a Server serves several times, also at once.
func TestServeAgain(t *testing.T) {
	s := &dsrudp.Server{Handler: echoing(t)}
	a, b := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	v, w := serve(t, s, a), serve(t, s, b)
	begun(t, dialVIP(t, a, netip.IPv6Loopback()))
	begun(t, dialVIP(t, b, netip.IPv6Loopback()))
	require.NoError(t, a.Close())
	require.ErrorIs(t, v.wait(t), net.ErrClosed)
	begun(t, dialVIP(t, b, netip.IPv6Loopback()))
	c := listen(t, "udp", ":0")
	u := serve(t, s, c)
	begun(t, dialVIP(t, c, netip.IPv6Loopback()))
	require.NoError(t, s.Shutdown(t.Context()))
	require.ErrorIs(t, u.wait(t), dsrudp.ErrServerClosed)
	require.ErrorIs(t, w.wait(t), dsrudp.ErrServerClosed)
}
