package dsrudp_test

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestPromise4_Server: one client port asks two VIPs, and another client an IPv6 address.
// All requests wait in the kernel before the first is answered, more than one batch of
// them, and each reply comes from the address that was asked, in order.
func TestPromise4_Server(t *testing.T) {
	const n = 50
	lo4, lo6 := netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()
	for _, s := range []struct {
		network, address string
		asked            []netip.Addr
	}{
		{"udp4", ":0", vips},
		{"udp", "0.0.0.0:0", vips},
		{"udp", ":0", []netip.Addr{vips[0], vips[1], lo6}},
		{"udp", "[::]:0", []netip.Addr{vips[1], vips[0], lo6}},
		{"udp6", ":0", []netip.Addr{lo6}},
		{"udp4", "127.0.0.2:0", vips[:1]},
		{"udp", "127.0.0.1:0", []netip.Addr{lo4}},
		{"udp", "[::1]:0", []netip.Addr{lo6}},
	} {
		for _, tc := range []struct {
			batchSize int
			write     func(w dsrudp.ReplyWriter, p *dsrudp.Packet) error
		}{
			{0, writing},
			{0, dsrudp.ReplyWriter.WritePacket},
			{1, writing},
			{2, dsrudp.ReplyWriter.WritePacket},
			{31, writing},
			{64, dsrudp.ReplyWriter.WritePacket},
		} {
			t.Run(fmt.Sprint(s.network, s.address, tc.batchSize), func(t *testing.T) {
				c := listen(t, s.network, s.address)
				var clients []*net.UDPConn
				for i, asked := range s.asked {
					switch {
					case i == 0 && len(s.asked) > 1:
						x, y := dialOnePort(t, c, asked, s.asked[1])
						clients = append(clients, x, y)
					case i != 1:
						clients = append(clients, dialVIP(t, c, asked))
					}
				}
				enqueue(t, n, clients...)
				serve(t, &dsrudp.Server{BatchSize: tc.batchSize, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
					assert.True(t, strings.HasSuffix(string(p.Payload()), " "+p.Path.Local.String()), p.Path)
					assert.NoError(t, tc.write(w, p))
				})}, c)
				requireEchoes(t, n, clients...)
				stats := c.Stats()
				stats.PathEntries, stats.PathBytes, stats.AmbiguousPath = 0, 0, 0
				require.Zero(t, stats)
			})
		}
	}
}

// writing answers p by Write.
func writing(w dsrudp.ReplyWriter, p *dsrudp.Packet) error {
	_, err := w.Write(p.Payload())
	return err
}

// TestPromise7_ServerConns: a handler that waits does not stop the Server's other Conns.
func TestPromise7_ServerConns(t *testing.T) {
	a, b := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	x, y := dialVIP(t, a, netip.IPv6Loopback()), dialVIP(t, b, netip.IPv6Loopback())
	inA, release := make(chan struct{}), make(chan struct{})
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if w.Conn() == a {
			inA <- struct{}{}
			<-release
		}
		echoing(t).ServePacket(w, p)
	})}, a, b)
	enqueue(t, 1, x)
	await(t, inA)
	begun(t, y)
	close(release)
	requireEchoes(t, 1, x)
}

// TestServeRefuses: Serve says why it cannot begin, and leaves all Conns alone.
func TestServeRefuses(t *testing.T) {
	echo := echoing(t)
	closed := listen(t, "udp", ":0")
	require.NoError(t, closed.Close())
	served := listen(t, "udp", ":0")
	serve(t, &dsrudp.Server{Handler: echo}, served)
	y := dialVIP(t, served, netip.IPv6Loopback())
	begun(t, y)
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
		"BatchSize 65":     {&dsrudp.Server{Handler: echo, BatchSize: 65}, []*dsrudp.Conn{good}, nil, "BatchSize is 65"},
		"no Conn":          {&dsrudp.Server{Handler: echo}, nil, nil, "without a Conn"},
		"nil Conn":         {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, nil}, syscall.EINVAL, ""},
		"zero Conn":        {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, {}}, syscall.EINVAL, ""},
		"closed Conn":      {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, closed}, net.ErrClosed, ""},
		"served elsewhere": {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, served}, dsrudp.ErrNotSupported, "a Server reads this Conn"},
		"named twice":      {&dsrudp.Server{Handler: echo}, []*dsrudp.Conn{good, good}, dsrudp.ErrNotSupported, "a Server reads this Conn"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.s.Serve(tc.conns...)
			require.ErrorContains(t, err, tc.says)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			write(t, x, "untouched")
			n, p, err := good.ReadFromPath(make([]byte, 16))
			require.NoError(t, err)
			_, err = good.WriteToPath([]byte("untouched")[:n], p)
			require.NoError(t, err)
			require.Equal(t, "untouched", read(t, x))
		})
	}
	begun(t, y)
}

// TestServedReads: reads beside a Server, by its handler or others, are refused at once:
// they do not wait for the Server's own read to end, and take nothing from it. Whatever
// else can be done with the socket works.
func TestServedReads(t *testing.T) {
	reads := maps.Clone(readers)
	maps.Copy(reads, map[string]func(c *dsrudp.Conn) error{
		"ReadPackets":   func(c *dsrudp.Conn) error { _, err := c.ReadPackets(packets(1, 16)); return err },
		"Read(nil)":     func(c *dsrudp.Conn) error { _, err := c.Read(nil); return err },
		"ReadFrom(nil)": func(c *dsrudp.Conn) error { _, _, err := c.ReadFrom(nil); return err },
		"ReadBatch": func(c *dsrudp.Conn) error {
			_, err := c.ReadBatch([]ipv4.Message{{Buffers: [][]byte{make([]byte, 16)}}}, 0)
			return err
		},
		"SyscallConn": func(c *dsrudp.Conn) error {
			raw, err := c.SyscallConn()
			if err == nil {
				err = raw.Read(func(uintptr) bool { return true })
			}
			return err
		},
	})
	c := listenWith(t, &dsrudp.ListenConfig{RawIO: true}, "udp", ":0")
	x := dialVIP(t, c, netip.IPv6Loopback())
	try := func() {
		for name, read := range reads {
			err := read(c)
			assert.ErrorIs(t, err, dsrudp.ErrNotSupported, name)
			var op *net.OpError
			if assert.ErrorAs(t, err, &op, name) {
				assert.Equal(t, "read", strings.TrimPrefix(op.Op, "raw-"), name)
			}
		}
		raw, err := c.SyscallConn()
		assert.NoError(t, err)
		calls := 0
		assert.NoError(t, raw.Control(func(uintptr) { calls++ }))
		assert.NoError(t, raw.Write(func(uintptr) bool { calls++; return true }))
		assert.Equal(t, 2, calls)
	}
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		try()
		echoing(t).ServePacket(w, p)
	})}, c)
	begun(t, x)
	try()
	begun(t, x)
}
