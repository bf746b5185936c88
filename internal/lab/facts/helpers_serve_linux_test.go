package facts_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// The ways that move several datagrams at once, here one.
var (
	dsrPackets = dsrWay{"WritePackets", func(c *dsrudp.Conn) (dsrRequest, error) {
		ps := []dsrudp.Packet{{Buf: make([]byte, 2048)}}
		_, err := c.ReadPackets(ps)
		return dsrRequest{string(ps[0].Payload()), func(s string) error {
			_, err := c.WritePackets([]dsrudp.Packet{{Buf: []byte(s), N: len(s), Path: ps[0].Path}})
			return err
		}}, err
	}}
	dsrBatch = dsrWay{"WriteBatch", func(c *dsrudp.Conn) (dsrRequest, error) {
		ms := []ipv4.Message{{Buffers: [][]byte{make([]byte, 2048)}}}
		_, err := c.ReadBatch(ms, 0)
		return dsrRequest{string(ms[0].Buffers[0][:ms[0].N]), func(s string) error {
			_, err := c.WriteBatch([]ipv4.Message{{Buffers: [][]byte{[]byte(s)}, Addr: ms[0].Addr}}, 0)
			return err
		}}, err
	}}
)

// serve has a Server serve c for the duration of the test. What it returns ends
// it sooner, and requires that it was shut down.
func serve(t *testing.T, s *dsrudp.Server, c *dsrudp.Conn) (shutdown func()) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(c) }()
	stopped := false
	shutdown = func() {
		if stopped {
			return
		}
		stopped = true
		require.NoError(t, s.Shutdown(t.Context()))
		require.Equal(t, dsrudp.ErrServerClosed, <-ended)
	}
	t.Cleanup(func() {
		if !stopped {
			c.Close()
			<-ended
		}
	})
	return shutdown
}

// holding is a handler that answers when n requests have come, the last one first.
func holding(t *testing.T, n int) dsrudp.Handler {
	var held []*dsrudp.Packet
	return dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if held = append(held, p.Clone()); len(held) < n {
			return
		}
		for ; len(held) > 0; held = held[:len(held)-1] {
			assert.NoError(t, w.WritePacket(held[len(held)-1]))
		}
	})
}

// echoing answers each datagram with itself.
func echoing(t *testing.T) dsrudp.Handler {
	return dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		_, err := w.Write(p.Payload())
		assert.NoError(t, err)
	})
}

// requireServed requires that each client gets its own request back from a
// Server, one that answers only when all of them have asked.
func (s *site) requireServed(t *testing.T, c *dsrudp.Conn, clients ...*net.UDPConn) {
	t.Helper()
	shutdown := serve(t, &dsrudp.Server{Handler: holding(t, len(clients))}, c)
	var requests []string
	for _, client := range clients {
		requests = append(requests, s.ask(t, client))
	}
	for i, client := range clients {
		s.requireAccepted(t, client, requests[i])
	}
	shutdown()
}

// requireEchoed requires that a train of every client comes back to it in
// segments of size bytes.
func requireSegments(t *testing.T, client *net.UDPConn, train []byte, size int) {
	t.Helper()
	b := make([]byte, 1<<16)
	for len(train) > 0 {
		n, err := client.Read(b)
		require.NoError(t, err, "%d bytes are missing", len(train))
		want := train[:min(size, len(train))]
		require.Equal(t, string(want), string(b[:n]))
		train = train[len(want):]
	}
}
