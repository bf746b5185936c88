package dsrudp_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A benchmarked server answers what it receives, by calls of what answering returns, each of
// which returns how many datagrams that was, or by itself where answering returns nil.
type benchmarked struct {
	name      string
	listen    func(network string) (net.PacketConn, error)
	answering func(b *testing.B, c net.PacketConn) func() (n int, err error)
}

func listenNet(network string) (net.PacketConn, error) { return net.ListenPacket(network, ":0") }
func listenDSR(network string) (net.PacketConn, error) { return dsrudp.ListenPacket(network, ":0") }

// single answers one datagram with each call.
func single[C net.PacketConn, A any](read func(C, []byte) (int, A, error), write func(C, []byte, A) (int, error)) func(*testing.B, net.PacketConn) func() (int, error) {
	return func(_ *testing.B, p net.PacketConn) func() (int, error) {
		c, buf := p.(C), make([]byte, 64)
		return func() (int, error) {
			n, a, err := read(c, buf)
			if err == nil {
				_, err = write(c, buf[:n], a)
			}
			return 1, err
		}
	}
}

var benchmarks = []benchmarked{
	{"net/AddrPort", listenNet, single((*net.UDPConn).ReadFromUDPAddrPort, (*net.UDPConn).WriteToUDPAddrPort)},
	{"net/ReadFrom", listenNet, single((*net.UDPConn).ReadFrom, (*net.UDPConn).WriteTo)},
	{"AddrPort", listenDSR, single((*dsrudp.Conn).ReadFromUDPAddrPort, (*dsrudp.Conn).WriteToUDPAddrPort)},
	{"ReadFrom", listenDSR, single((*dsrudp.Conn).ReadFrom, (*dsrudp.Conn).WriteTo)},
	{"ReadFromPath", listenDSR, single((*dsrudp.Conn).ReadFromPath, (*dsrudp.Conn).WriteToPath)},
	{"ReadPackets", listenDSR, func(_ *testing.B, c net.PacketConn) func() (int, error) {
		ps := packets(8, 64)
		return func() (int, error) {
			n, err := c.(*dsrudp.Conn).ReadPackets(ps)
			if err != nil {
				return 0, err
			}
			return c.(*dsrudp.Conn).WritePackets(ps[:n])
		}
	}},
	{"ReadBatch", listenDSR, func(_ *testing.B, c net.PacketConn) func() (int, error) {
		ms := messages(8, 64)
		return func() (int, error) {
			n, err := c.(*dsrudp.Conn).ReadBatch(ms, 0)
			for done := 0; err == nil && done < n; {
				var k int
				k, err = c.(*dsrudp.Conn).WriteBatch(ms[done:n], 0)
				done += k
			}
			return n, err
		}
	}},
	{"Server", listenDSR, func(b *testing.B, c net.PacketConn) func() (int, error) {
		s := &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) { w.Write(p.Payload()) })}
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Serve(c.(*dsrudp.Conn))
		}()
		b.Cleanup(func() {
			c.Close()
			<-done
		})
		return nil
	}},
}

// BenchmarkEcho is one datagram to the server and its answer, or eight of one client and their
// answers, of all of which the figures are. The client's system calls are in all of them. net
// is the baseline; on a host with VIPs it answers from the wrong address.
func BenchmarkEcho(b *testing.B) {
	for _, network := range []string{"udp4", "udp6", "udp"} {
		for _, count := range []int{1, 8} {
			for _, s := range benchmarks {
				b.Run(fmt.Sprintf("%s/%d/%s", network, count, s.name), func(b *testing.B) { benchmarkEcho(b, network, count, s) })
			}
		}
	}
}

func benchmarkEcho(b *testing.B, network string, count int, s benchmarked) {
	c, err := s.listen(network)
	require.NoError(b, err)
	defer c.Close()
	answer := s.answering(b, c)
	ip := loopback6
	if network == "udp4" {
		ip = loopback4
	}
	x, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: ip.AsSlice(), Port: int(portOf(c))})
	require.NoError(b, err)
	defer x.Close()
	x.SetDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		for range count {
			if _, err := x.Write(buf); err != nil {
				b.Fatal(err)
			}
		}
		for left := count; left > 0 && answer != nil; {
			n, err := answer()
			if err != nil {
				b.Fatal(err)
			}
			left -= n
		}
		for range count {
			if _, err := x.Read(buf); err != nil {
				b.Fatal(err)
			}
		}
	}
}
