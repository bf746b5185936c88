package dsrudp_test

import (
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A sent train is five datagrams, each of a letter of its own from mark on, and
// the last one shorter.
const trainSize, trainLen = 100, 450

func sendTrain(t *testing.T, x *net.UDPConn, mark byte) string {
	t.Helper()
	b := make([]byte, trainLen)
	for i := range b {
		b[i] = mark + byte(i/trainSize)
	}
	writeTrain(t, x, string(b), trainSize)
	return string(b)
}

// trainServers are those whose clients send trains.
var trainServers = []struct {
	network string
	dsts    []netip.Addr
}{
	{"udp4", vips},
	{"udp", vips},
	{"udp6", []netip.Addr{netip.IPv6Loopback(), netip.IPv6Loopback()}},
}

// eachTrainServer runs f with a Conn that receives trains and two clients of it.
func eachTrainServer(t *testing.T, lc dsrudp.ListenConfig, f func(t *testing.T, c *dsrudp.Conn, x, y *net.UDPConn)) {
	t.Helper()
	lc.GRO = true
	for _, s := range trainServers {
		t.Run(s.network, func(t *testing.T) {
			c := listenWith(t, &lc, s.network, ":0")
			f(t, c, dialTrains(t, c, s.dsts[0]), dialTrains(t, c, s.dsts[1]))
		})
	}
}

// TestTrainSplit: the handler is called for each datagram of a train, and the
// answers leave as one again, from the address that the train was sent to. Each
// has its train's mark.
func TestTrainSplit(t *testing.T) {
	eachTrainServer(t, dsrudp.ListenConfig{ECN: true}, func(t *testing.T, c *dsrudp.Conn, x, y *net.UDPConn) {
		setClass(t, x, addrPortOf(x.RemoteAddr()).Addr(), int(dsrudp.ECT0))
		setClass(t, y, addrPortOf(y.RemoteAddr()).Addr(), int(dsrudp.CE))
		sentX, sentY := sendTrain(t, x, 'a'), sendTrain(t, y, 'k')
		var calls []dsrudp.Packet
		v := serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			calls = append(calls, *p.Clone())
			assert.Equal(t, p.N, len(p.Buf))
			assert.Equal(t, p.N, cap(p.Buf), "an append would write to the next datagram")
			_, err := w.Write(p.Payload())
			assert.NoError(t, err)
			*p = dsrudp.Packet{} // which is not the next datagram's either
		})}, c)
		requireTrains(t, x, train{sentX, trainSize})
		requireTrains(t, y, train{sentY, trainSize})
		require.NoError(t, c.Close())
		require.ErrorIs(t, v.wait(t), net.ErrClosed)
		require.Len(t, calls, 10)
		for i, p := range calls {
			client, sent, ecn := x, sentX, dsrudp.ECT0
			if i >= 5 {
				client, sent, ecn = y, sentY, dsrudp.CE
			}
			from := i % 5 * trainSize
			want := sent[from:min(from+trainSize, trainLen)]
			path := dsrudp.Path{Local: addrPortOf(client.RemoteAddr()), Remote: addrPortOf(client.LocalAddr())}
			require.Equal(t, dsrudp.Packet{Buf: []byte(want), N: len(want), Path: path, ECN: ecn}, p)
		}
	})
}

// TestTrainWhole: with Trains the handler is given what came, and its echo is a
// train again.
func TestTrainWhole(t *testing.T) {
	eachTrainServer(t, dsrudp.ListenConfig{}, func(t *testing.T, c *dsrudp.Conn, x, y *net.UDPConn) {
		sentX, sentY := sendTrain(t, x, 'a'), sendTrain(t, y, 'k')
		write(t, x, "single")
		calls := 0
		v := serve(t, &dsrudp.Server{Trains: true, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			calls++
			if p.N == trainLen {
				assert.Equal(t, trainSize, p.SegmentSize)
			} else {
				assert.Zero(t, p.SegmentSize)
			}
			echoing(t).ServePacket(w, p)
		})}, c)
		requireTrains(t, x, train{sentX, trainSize}, train{"single", 0})
		requireTrains(t, y, train{sentY, trainSize})
		require.NoError(t, c.Close())
		require.ErrorIs(t, v.wait(t), net.ErrClosed)
		require.Equal(t, 3, calls)
	})
}

// TestTrainNoOffload: without offload a train's echo is sent one by one.
func TestTrainNoOffload(t *testing.T) {
	for _, whole := range []bool{false, true} {
		eachTrainServer(t, dsrudp.ListenConfig{NoOffload: true}, func(t *testing.T, c *dsrudp.Conn, x, _ *net.UDPConn) {
			sent := sendTrain(t, x, 'a')
			serve(t, &dsrudp.Server{Trains: whole, Handler: echoing(t)}, c)
			for at := 0; at < trainLen; at += trainSize {
				require.Equal(t, train{sent[at:min(at+trainSize, trainLen)], 0}, readTrain(t, x))
			}
		})
	}
}

// TestTrainPanic: a panic at one datagram of a train costs no other of it its
// answer, and a ReplyWriter is good for as long as it is lent.
func TestTrainPanic(t *testing.T) {
	eachTrainServer(t, dsrudp.ListenConfig{}, func(t *testing.T, c *dsrudp.Conn, x, y *net.UDPConn) {
		sent := sendTrain(t, x, 'a')
		write(t, y, "behind it")
		serve(t, &dsrudp.Server{ErrorLog: slog.New(slog.DiscardHandler), Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			if p.Buf[0] == 'c' { // the third
				panic("at the third")
			}
			echoing(t).ServePacket(w, p)
		})}, c)
		require.Equal(t, "behind it", read(t, y))
		requireTrains(t, x, train{strings.ReplaceAll(sent, strings.Repeat("c", trainSize), ""), trainSize})
		require.EqualValues(t, 1, c.Stats().Panics)
	})
}

// TestTrainClose: Close in the middle of a train ends it there.
func TestTrainClose(t *testing.T) {
	eachTrainServer(t, dsrudp.ListenConfig{}, func(t *testing.T, c *dsrudp.Conn, x, _ *net.UDPConn) {
		sent := sendTrain(t, x, 'a')
		v := serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			echoing(t).ServePacket(w, p)
			if p.Buf[0] == 'b' {
				assert.NoError(t, c.Close())
			}
		})}, c)
		require.Equal(t, net.ErrClosed.Error(), v.wait(t).Error())
		requireTrains(t, x, train{sent[:2*trainSize], trainSize})
	})
}
