package dsrudp_test

import (
	"net"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// BenchmarkEchoBatch is eight datagrams of one client to the server and their
// answers; figures are of all eight. What is read and sent at once is compared with
// net's calls, which take one each, and which answer wrong on a host with VIPs. The
// client's sixteen system calls are in all of them.
func BenchmarkEchoBatch(b *testing.B) {
	for _, network := range []string{"udp4", "udp6", "udp"} {
		for _, s := range batchServers {
			b.Run(network+"/"+s.name, func(b *testing.B) {
				c, answer := s.listen(b, network)
				benchmarkBatches(b, c, answer)
			})
		}
	}
}

const perBatch = 8

// A batchServer listens, and returns what answers perBatch datagrams or, where it
// answers by itself, nil.
type batchServer struct {
	name   string
	listen func(b *testing.B, network string) (c net.PacketConn, answer func() error)
}

var batchServers = []batchServer{
	{"net", func(b *testing.B, network string) (net.PacketConn, func() error) {
		c, err := net.ListenPacket(network, ":0")
		if err != nil {
			b.Fatal(err)
		}
		return c, addrPorts(c.(*net.UDPConn))
	}},
	{"ReadPackets", func(b *testing.B, network string) (net.PacketConn, func() error) {
		c := listenBench(b, network, &dsrudp.ListenConfig{})
		ps := make([]dsrudp.Packet, perBatch)
		for i := range ps {
			ps[i].Buf = make([]byte, 64)
		}
		return c, func() error {
			for left := perBatch; left > 0; {
				n, err := c.ReadPackets(ps)
				if err == nil {
					_, err = c.WritePackets(ps[:n])
				}
				if err != nil {
					return err
				}
				left -= n
			}
			return nil
		}
	}},
	{"ReadBatch", func(b *testing.B, network string) (net.PacketConn, func() error) {
		c := listenBench(b, network, &dsrudp.ListenConfig{})
		ms := make([]ipv4.Message, perBatch)
		for i := range ms {
			ms[i].Buffers = [][]byte{make([]byte, 64)}
		}
		return c, func() error {
			for left := perBatch; left > 0; {
				n, err := c.ReadBatch(ms, 0)
				for done := 0; err == nil && done < n; {
					var k int
					k, err = c.WriteBatch(ms[done:n], 0)
					done += k
				}
				if err != nil {
					return err
				}
				left -= n
			}
			return nil
		}
	}},
	{"ReadAhead", func(b *testing.B, network string) (net.PacketConn, func() error) {
		c := listenBench(b, network, &dsrudp.ListenConfig{CoalesceWrites: true})
		return c, addrPorts(c)
	}},
	{"Server", func(b *testing.B, network string) (net.PacketConn, func() error) {
		c := listenBench(b, network, &dsrudp.ListenConfig{})
		s := &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) { w.Write(p.Payload()) })}
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Serve(c)
		}()
		b.Cleanup(func() {
			c.Close()
			<-done
		})
		return c, nil
	}},
}

func listenBench(b *testing.B, network string, lc *dsrudp.ListenConfig) *dsrudp.Conn {
	c, err := lc.ListenPacket(b.Context(), network, ":0")
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// addrPorts answers datagrams by calls that take one.
func addrPorts(c udpConn) func() error {
	buf := make([]byte, 64)
	return func() error {
		for range perBatch {
			n, a, err := c.ReadFromUDPAddrPort(buf)
			if err == nil {
				_, err = c.WriteToUDPAddrPort(buf[:n], a)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func benchmarkBatches(b *testing.B, c net.PacketConn, answer func() error) {
	defer c.Close()
	local := c.LocalAddr().(*net.UDPAddr)
	ip := net.IPv6loopback
	if local.IP.To4() != nil {
		ip = net.IPv4(127, 0, 0, 1)
	}
	x, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: ip, Port: local.Port})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	x.SetDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		for range perBatch {
			if _, err := x.Write(buf); err != nil {
				b.Fatal(err)
			}
		}
		if answer != nil {
			if err := answer(); err != nil {
				b.Fatal(err)
			}
		}
		for range perBatch {
			if _, err := x.Read(buf); err != nil {
				b.Fatal(err)
			}
		}
	}
}
