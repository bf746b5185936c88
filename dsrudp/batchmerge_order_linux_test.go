package dsrudp_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A client of many.
type client struct {
	conn *net.UDPConn
	path dsrudp.Path
	want string
}

// otherwise returns the client's path, written in one of the ways there are.
func (x *client) otherwise(random *rand.Rand, network string) dsrudp.Path {
	p := x.path
	if random.IntN(2) == 0 {
		p.Local = netip.AddrPortFrom(p.Local.Addr(), 0)
	}
	if network == "udp" && random.IntN(4) == 0 {
		p.Remote = netip.AddrPortFrom(netip.AddrFrom16(p.Remote.Addr().As16()), p.Remote.Port())
	}
	return p
}

// TestMergingInTurn: however the Packets of more paths than a batch has messages,
// or a sender can tell apart, come between each other, with whatever lengths and
// marks, and however their paths are written: each client gets its own, whole and in
// their order, and some of them came as one.
func TestMergingInTurn(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		network := []string{"udp4", "udp"}[seed%2]
		c := listen(t, network, ":0")
		clients := make([]client, 1+random.IntN(80))
		for i := range clients {
			vip := netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + i%50)})
			x := dialTrains(t, c, vip)
			clients[i] = client{conn: x, path: pathFrom(c, vip, x)}
		}
		ps := make([]dsrudp.Packet, 400)
		for i := range ps {
			k := random.IntN(1 + random.IntN(len(clients))) // some more often
			ps[i] = packet(fmt.Sprintf("%03d%.*s", i, random.IntN(3)*random.IntN(3), "....."), clients[k].otherwise(random, network))
			switch random.IntN(8) {
			case 0:
				ps[i].ECN = dsrudp.ECT0
			case 1:
				ps[i].SegmentSize = 2
			}
			clients[k].want += string(ps[i].Buf)
		}
		writeAll(t, c, ps)
		merged := 0
		for _, x := range clients {
			got := ""
			for len(got) < len(x.want) {
				tr := readTrain(t, x.conn)
				got += tr.payload
				if tr.size > 2 {
					merged++
				}
			}
			require.Equal(t, x.want, got, "seed %d", seed)
			requireNothing(t, x.conn)
		}
		require.Positive(t, merged)
	}
}

// TestMergingErrors: where Packets of several paths are merged each has its own
// path's error.
func TestMergingErrors(t *testing.T) {
	for _, locals := range [][2]string{
		{"198.51.100.77:0", "198.51.100.78:0"},
		{"224.0.0.77:0", "224.0.0.78:0"}, // which the kernel calls invalid, as it may segments
	} {
		for _, lc := range []dsrudp.ListenConfig{{}, {Control: noCheck}} {
			c := listenWith(t, &lc, "udp4", ":0")
			x, y := dialVIP(t, c, vips[0]), dialVIP(t, c, vips[1])
			toX, toY := pathFrom(c, vips[0], x), pathFrom(c, vips[1], y)
			foreign, other := toX, toY
			foreign.Local = netip.MustParseAddrPort(locals[0])
			other.Local = netip.MustParseAddrPort(locals[1])
			for round := range 2 { // the second time there is something left from the first
				var ps []dsrudp.Packet
				for i := range 60 {
					ps = append(ps, packet(fmt.Sprintf("%02d", i), []dsrudp.Path{toX, foreign, toY, other, foreign}[(i+round)%5]))
				}
				n, err := c.WritePackets(ps)
				require.Equal(t, 24, n)
				require.ErrorIs(t, err, dsrudp.ErrNotLocal)
				for _, p := range ps {
					switch p.Path {
					case toX:
						require.NoError(t, p.Err)
						require.Equal(t, string(p.Buf), read(t, x))
					case toY:
						require.NoError(t, p.Err)
						require.Equal(t, string(p.Buf), read(t, y))
					default:
						requireWriteError(t, p.Err, dsrudp.ErrNotLocal, p.Path.Remote)
						require.ErrorContains(t, p.Err, p.Path.Local.Addr().String())
					}
				}
				require.EqualValues(t, 36*(1+round), c.Stats().Refused)
			}
			requireNothing(t, x)
			requireNothing(t, y)
		}
	}
}
