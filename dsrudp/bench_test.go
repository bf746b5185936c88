package dsrudp_test

import (
	"net"
	"testing"
	"time"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// BenchmarkEcho is one datagram to the server and its answer, in one goroutine:
// the cost of four system calls and of what is around the server's two. The
// client is the same for all; net is the baseline, and it answers wrong on a
// host with VIPs.
func BenchmarkEcho(b *testing.B) {
	servers := map[string]func(b *testing.B) udpConn{
		"net": func(b *testing.B) udpConn {
			c, err := net.ListenPacket("udp4", ":0")
			if err != nil {
				b.Fatal(err)
			}
			return c.(*net.UDPConn)
		},
		"dsrudp": func(b *testing.B) udpConn {
			c, err := dsrudp.ListenPacket("udp4", ":0")
			if err != nil {
				b.Fatal(err)
			}
			return c
		},
	}
	buf := make([]byte, 64)
	pairs := map[string]func(c udpConn) error{
		"AddrPort": func(c udpConn) error {
			n, a, err := c.ReadFromUDPAddrPort(buf)
			if err == nil {
				_, err = c.WriteToUDPAddrPort(buf[:n], a)
			}
			return err
		},
		"ReadFrom": func(c udpConn) error {
			n, a, err := c.ReadFrom(buf)
			if err == nil {
				_, err = c.WriteTo(buf[:n], a)
			}
			return err
		},
		"ReadFromPath": func(c udpConn) error {
			d, ok := c.(*dsrudp.Conn)
			if !ok {
				return nil
			}
			n, p, err := d.ReadFromPath(buf)
			if err == nil {
				_, err = d.WriteToPath(buf[:n], p)
			}
			return err
		},
	}
	for _, pair := range []string{"AddrPort", "ReadFrom", "ReadFromPath"} {
		for _, server := range []string{"net", "dsrudp"} {
			if server == "net" && pair == "ReadFromPath" {
				continue // net has no such pair
			}
			b.Run(pair+"/"+server, func(b *testing.B) {
				c := servers[server](b)
				defer c.Close()
				x, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: c.LocalAddr().(*net.UDPAddr).Port})
				if err != nil {
					b.Fatal(err)
				}
				defer x.Close()
				x.SetDeadline(time.Now().Add(time.Minute))
				q, a := make([]byte, 64), make([]byte, 64)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := x.Write(q); err != nil {
						b.Fatal(err)
					}
					if err := pairs[pair](c); err != nil {
						b.Fatal(err)
					}
					if _, err := x.Read(a); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
