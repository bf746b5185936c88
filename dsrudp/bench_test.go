package dsrudp_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// BenchmarkEcho is one datagram to the server and its answer, in one goroutine:
// the cost of four system calls and of what is around the server's two. The
// client is the same for all. net is the baseline; on a host with VIPs it answers from
// the wrong address.
func BenchmarkEcho(b *testing.B) {
	nets, err := net.ListenUDP("udp4", nil)
	require.NoError(b, err)
	defer nets.Close()
	ours, err := dsrudp.ListenUDP("udp4", nil)
	require.NoError(b, err)
	defer ours.Close()
	benchmarkEcho(b, "AddrPort/net", nets, nets.ReadFromUDPAddrPort, nets.WriteToUDPAddrPort)
	benchmarkEcho(b, "AddrPort/dsrudp", ours, ours.ReadFromUDPAddrPort, ours.WriteToUDPAddrPort)
	benchmarkEcho(b, "ReadFrom/net", nets, nets.ReadFrom, nets.WriteTo)
	benchmarkEcho(b, "ReadFrom/dsrudp", ours, ours.ReadFrom, ours.WriteTo)
	benchmarkEcho(b, "ReadFromPath/dsrudp", ours, ours.ReadFromPath, ours.WriteToPath)
}

func benchmarkEcho[A any](b *testing.B, name string, c net.PacketConn, read func([]byte) (int, A, error), write func([]byte, A) (int, error)) {
	b.Run(name, func(b *testing.B) {
		x, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(portOf(c))})
		require.NoError(b, err)
		defer x.Close()
		x.SetDeadline(time.Now().Add(time.Minute))
		buf, q, answer := make([]byte, 64), make([]byte, 64), make([]byte, 64)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := x.Write(q); err != nil {
				b.Fatal(err)
			}
			n, a, err := read(buf)
			if err == nil {
				_, err = write(buf[:n], a)
			}
			if err != nil {
				b.Fatal(err)
			}
			if _, err := x.Read(answer); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEchoBatch is eight datagrams of one client to the server and their answers;
// figures are of all eight. What is read and sent at once is compared with net's calls, which
// take one each, and which answer wrong on a host with VIPs. The client's sixteen system calls
// are in all of them.
func BenchmarkEchoBatch(b *testing.B) {
	const count = 8
	servers := []struct {
		name   string
		answer func(b *testing.B, c *dsrudp.Conn) func() (n int, err error) // nil where a Server does
	}{
		{"ReadPackets", func(b *testing.B, c *dsrudp.Conn) func() (int, error) {
			ps := make([]dsrudp.Packet, count)
			for i := range ps {
				ps[i].Buf = make([]byte, 64)
			}
			return func() (int, error) {
				n, err := c.ReadPackets(ps)
				if err != nil {
					return 0, err
				}
				return c.WritePackets(ps[:n])
			}
		}},
		{"ReadBatch", func(b *testing.B, c *dsrudp.Conn) func() (int, error) {
			ms := make([]ipv4.Message, count)
			for i := range ms {
				ms[i].Buffers = [][]byte{make([]byte, 64)}
			}
			return func() (int, error) {
				n, err := c.ReadBatch(ms, 0)
				for done := 0; err == nil && done < n; {
					var k int
					k, err = c.WriteBatch(ms[done:n], 0)
					done += k
				}
				return n, err
			}
		}},
		{"Server", func(b *testing.B, c *dsrudp.Conn) func() (int, error) {
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
			return nil
		}},
	}
	for _, network := range []string{"udp4", "udp6", "udp"} {
		b.Run(network+"/net", func(b *testing.B) {
			c, err := net.ListenPacket(network, ":0")
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 64)
			benchmarkBatches(b, c, count, func() (int, error) {
				n, a, err := c.(*net.UDPConn).ReadFromUDPAddrPort(buf)
				if err == nil {
					_, err = c.(*net.UDPConn).WriteToUDPAddrPort(buf[:n], a)
				}
				return 1, err
			})
		})
		for _, s := range servers {
			b.Run(network+"/"+s.name, func(b *testing.B) {
				c, err := dsrudp.ListenPacket(network, ":0")
				if err != nil {
					b.Fatal(err)
				}
				benchmarkBatches(b, c, count, s.answer(b, c))
			})
		}
	}
}

// benchmarkBatches asks c, which answers by calls of answer, or by itself if that is nil.
func benchmarkBatches(b *testing.B, c net.PacketConn, count int, answer func() (n int, err error)) {
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
