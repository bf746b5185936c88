package dsrudp_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// batchConn is what quic-go, kcp-go and others ask x/net's types for.
type batchConn interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
}

// messages returns n messages to receive into.
func messages(n, size int) []ipv4.Message {
	ms := make([]ipv4.Message, n)
	for i := range ms {
		ms[i].Buffers = [][]byte{make([]byte, size)}
	}
	return ms
}

// message returns a message to send.
func message(payload string, to net.Addr) ipv4.Message {
	return ipv4.Message{Buffers: [][]byte{[]byte(payload)}, Addr: to}
}

// sent makes messages received ones to send back: as kcp-go does.
func sent(ms []ipv4.Message) []ipv4.Message {
	for i := range ms {
		ms[i].Buffers[0] = ms[i].Buffers[0][:ms[i].N]
	}
	return ms
}

// readBatch receives n messages.
func readBatch(t *testing.T, c batchConn, ms []ipv4.Message) {
	t.Helper()
	for got := 0; got < len(ms); {
		n, err := c.ReadBatch(ms[got:], 0)
		require.NoError(t, err)
		require.Positive(t, n)
		got += n
	}
}

// bothBatches returns a Conn and x/net's type on a socket of net's.
func bothBatches(t *testing.T, network, address string) (ours *dsrudp.Conn, nets *net.UDPConn, xnets batchConn) {
	t.Helper()
	u, err := net.ListenPacket(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { u.Close() })
	require.NoError(t, u.SetDeadline(time.Now().Add(patience)))
	nets = u.(*net.UDPConn)
	xnets = ipv4.NewPacketConn(u)
	if network != "udp4" {
		xnets = ipv6.NewPacketConn(u)
	}
	return listen(t, network, address), nets, xnets
}
