package dsrudp_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
