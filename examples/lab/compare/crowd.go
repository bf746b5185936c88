//go:build linux

package compare

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
)

// A crowd is a client host with so many addresses that each datagram can be from
// a client of its own.
type crowd struct {
	pair  *pair
	conns []*ipv4.PacketConn // each with all addresses, and a port of its own
	to    *net.UDPAddr
}

// crowdNet are the crowd's addresses. They are local to the client's host by one
// route, so that a socket on the wildcard address sends from any of them and
// receives for all.
var crowdNet = netip.MustParsePrefix("100.64.0.0/14")

const (
	crowdAddrs  = 1 << 18 // in crowdNet
	crowdWindow = 128     // requests on their way, which the server's socket has room for
	crowdBound  = 5 * time.Second
)

// newCrowd makes a crowd of the pair's client that asks at an address of its server.
func newCrowd(p *pair, to netip.AddrPort) (*crowd, error) {
	return &crowd{pair: p, to: net.UDPAddrFromAddrPort(to)}, p.client.AddLocalRoute(crowdNet, "lo")
}

// conn returns the socket of a client, and its address.
func (c *crowd) conn(client int) (*ipv4.PacketConn, netip.Addr, error) {
	for len(c.conns) <= client/crowdAddrs {
		err := c.pair.client.Do(func() error {
			u, err := net.ListenPacket("udp4", ":0")
			if err == nil {
				c.conns = append(c.conns, ipv4.NewPacketConn(u))
			}
			return err
		})
		if err != nil {
			return nil, netip.Addr{}, err
		}
	}
	n := client % crowdAddrs
	a := crowdNet.Addr().As4()
	a[1], a[2], a[3] = a[1]+byte(n>>16), byte(n>>8), byte(n)
	return c.conns[client/crowdAddrs], netip.AddrFrom4(a), nil
}

// ask has the clients from first up to last send a request each, and returns how
// many answers came back.
func (c *crowd) ask(ctx context.Context, first, last int) (answered int, err error) {
	in, out := make([]ipv4.Message, crowdWindow), make([]ipv4.Message, crowdWindow)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, 256)}
	}
	for first < last && ctx.Err() == nil {
		conn, _, err := c.conn(first)
		if err != nil {
			return answered, err
		}
		n := min(crowdWindow, last-first, crowdAddrs-first%crowdAddrs)
		for i := range n {
			_, a, err := c.conn(first + i)
			if err != nil {
				return answered, err
			}
			src := ipv4.ControlMessage{Src: a.AsSlice()}
			out[i] = ipv4.Message{Buffers: [][]byte{[]byte("request")}, OOB: src.Marshal(), Addr: c.to}
		}
		if err := c.send(conn, out[:n]); err != nil {
			return answered, err
		}
		got, err := c.receive(conn, in, n)
		answered += got
		if err != nil {
			return answered, err
		}
		first += n
	}
	return answered, ctx.Err()
}

func (c *crowd) send(conn *ipv4.PacketConn, ms []ipv4.Message) error {
	for len(ms) > 0 {
		n, err := conn.WriteBatch(ms, 0)
		if err != nil {
			return err
		}
		ms = ms[n:]
	}
	return nil
}

// receive returns the number of answers, up to n, that come within the bound.
func (c *crowd) receive(conn *ipv4.PacketConn, ms []ipv4.Message, n int) (got int, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(crowdBound)); err != nil {
		return 0, err
	}
	for got < n {
		k, err := conn.ReadBatch(ms[:n-got], 0)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got += k
	}
	return got, nil
}

func (c *crowd) close() {
	for _, conn := range c.conns {
		conn.Close()
	}
}
