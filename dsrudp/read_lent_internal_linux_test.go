package dsrudp

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
)

// TestLentBuffers: what a Conn keeps for its next read does not keep alive the
// buffers of the last one, those that nothing came into included.
func TestLentBuffers(t *testing.T) {
	for name, read := range map[string]func(c *Conn, bs [][]byte) (int, error){
		"ReadFromPath": func(c *Conn, bs [][]byte) (int, error) {
			_, _, err := c.ReadFromPath(bs[0])
			return 1, err
		},
		"ReadPackets": func(c *Conn, bs [][]byte) (int, error) {
			ps := make([]Packet, len(bs))
			for i := range ps {
				ps[i].Buf = bs[i]
			}
			return c.ReadPackets(ps)
		},
		"ReadBatch": func(c *Conn, bs [][]byte) (int, error) {
			ms := make([]ipv4.Message, len(bs))
			for i := range ms {
				ms[i].Buffers = bs[i : i+1]
			}
			return c.ReadBatch(ms, 0)
		},
		"ReadBatch of pieces": func(c *Conn, bs [][]byte) (int, error) {
			half := len(bs) / 2
			return c.ReadBatch([]ipv4.Message{{Buffers: bs[:half]}, {Buffers: bs[half:]}}, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := wildcard(t, "udp4")
			r := c.newBatchReceiver(maxBatch)
			c.receivers.New = func() any { return r } // the pool itself lets go of one, and that in time
			x, err := net.Dial("udp4", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), c.port).String())
			require.NoError(t, err)
			t.Cleanup(func() { x.Close() })
			_, err = x.Write([]byte("1"))
			require.NoError(t, err)

			lent := lend(t, c, read)
			held := len(lent)
			for range 10 {
				runtime.GC()
				if held = alive(lent); held == 0 {
					break
				}
			}
			require.Zero(t, held, "of %d buffers", len(lent))
			runtime.KeepAlive(r)
			runtime.KeepAlive(c)
		})
	}
}

type lentBuffer [512]byte

// lend has one datagram read, and returns the buffers that were there for it. It is
// apart for no stack to have them afterwards.
//
//go:noinline
func lend(t *testing.T, c *Conn, read func(c *Conn, bs [][]byte) (int, error)) (lent []weak.Pointer[lentBuffer]) {
	t.Helper()
	var bs [][]byte
	for range 4 {
		b := new(lentBuffer)
		lent = append(lent, weak.Make(b))
		bs = append(bs, b[:])
	}
	n, err := read(c, bs)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, "1", string(bs[0][:1]))
	return lent
}

func alive(lent []weak.Pointer[lentBuffer]) (n int) {
	for _, w := range lent {
		if w.Value() != nil {
			n++
		}
	}
	return n
}
