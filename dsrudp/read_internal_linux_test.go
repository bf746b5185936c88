package dsrudp

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// TestPromise8_BuffersReleased: the memory that a Conn keeps for its next read does not keep
// the caller's buffers of the last one alive, nor those that nothing was received into.
func TestPromise8_BuffersReleased(t *testing.T) {
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
			half := len(bs) / 2
			return c.ReadBatch([]ipv4.Message{{Buffers: bs[:half]}, {Buffers: bs[half:]}}, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := ListenUDP("udp4", nil)
			require.NoError(t, err)
			defer c.Close()
			// The pools keep only these, which do not end with a collection.
			m, in := mmsg.NewMsg(), c.newIn(mmsg.MaxIn)
			c.msgs.New = func() any { return m }
			c.ins.New = func() any { return in }
			x, err := net.Dial("udp4", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), c.source.Port()).String())
			require.NoError(t, err)
			defer x.Close()
			_, err = x.Write([]byte("1"))
			require.NoError(t, err)

			buffers := readOne(t, c, read)
			for i := 0; i < 10 && alive(buffers) > 0; i++ {
				runtime.GC()
			}
			require.Zero(t, alive(buffers), "of %d buffers", len(buffers))
			runtime.KeepAlive(m)
			runtime.KeepAlive(in)
			runtime.KeepAlive(c)
		})
	}
}

type buffer [512]byte

// readOne reads one datagram, and returns the buffers that were there for it. It is a
// function of its own so that no stack has them afterwards.
//
//go:noinline
func readOne(t *testing.T, c *Conn, read func(c *Conn, bs [][]byte) (int, error)) (buffers []weak.Pointer[buffer]) {
	t.Helper()
	var bs [][]byte
	for range 4 {
		b := new(buffer)
		buffers = append(buffers, weak.Make(b))
		bs = append(bs, b[:])
	}
	n, err := read(c, bs)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, "1", string(bs[0][:1]))
	return buffers
}

func alive(buffers []weak.Pointer[buffer]) (n int) {
	for _, b := range buffers {
		if b.Value() != nil {
			n++
		}
	}
	return n
}
