//go:build linux && !race

package dsrudp_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestPromise8_Allocations: an echo through each pair of methods allocates what is
// promised: one address object where one is returned, else nothing.
func TestPromise8_Allocations(t *testing.T) {
	returned := map[string]float64{"ReadFrom": 1, "ReadFromUDP": 1, "ReadMsgUDP": 1}
	b := make([]byte, 64)
	sockets := append(wildcards[:len(wildcards):len(wildcards)],
		struct{ network, address string }{"udp4", "127.0.0.2:0"},
		struct{ network, address string }{"udp6", "[::]:0"})
	for _, w := range sockets {
		for name, p := range pairs {
			t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
				c := listen(t, w.network, w.address)
				vip := vips[0]
				if w.network == "udp6" {
					vip = netip.IPv6Loopback()
				}
				x, answer := dialVIP(t, c, vip), make([]byte, 64)
				for _, deadlines := range []bool{false, true} {
					require.Equal(t, returned[name], testing.AllocsPerRun(200, func() {
						if deadlines {
							c.SetDeadline(time.Now().Add(patience))
						}
						if _, err := x.Write([]byte("1")); err != nil {
							t.Fatal(err)
						}
						if err := p.echo(c, b); err != nil {
							t.Fatal(err)
						}
						if _, err := x.Read(answer); err != nil {
							t.Fatal(err)
						}
					}), "deadlines: %v", deadlines)
				}
			})
		}
	}
}

// TestPromise8_ServerAllocations: nothing is allocated for a datagram and its reply, nor for
// several that GRO joins and their replies.
func TestPromise8_ServerAllocations(t *testing.T) {
	payload, answer := make([]byte, segmentsLen), make([]byte, 1<<16)
	control := make([]byte, unix.CmsgSpace(2))
	binary.NativeEndian.PutUint16(cmsghdr(control, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2), segmentSize)
	asks := map[string]func(x *net.UDPConn) error{
		"datagram": func(x *net.UDPConn) error { _, err := x.Write(payload[:64]); return err },
		"segments": func(x *net.UDPConn) error { _, _, err := x.WriteMsgUDP(payload, control, nil); return err },
	}
	write := func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		var b [64]byte // which stays on the stack
		_, _ = w.Write(b[:copy(b[:], p.Payload())])
	}
	servers := map[string]struct {
		concurrency int
		handler     dsrudp.HandlerFunc
	}{
		"Write":       {0, write},
		"WritePacket": {0, func(w dsrudp.ReplyWriter, p *dsrudp.Packet) { _ = w.WritePacket(p) }},
		"Concurrency": {4, write},
	}
	for _, s := range []struct {
		network, address string
		vip              netip.Addr
	}{
		{"udp4", ":0", vips[0]},
		{"udp", ":0", vips[0]},
		{"udp", ":0", netip.IPv6Loopback()},
		{"udp6", ":0", netip.IPv6Loopback()},
		{"udp4", "127.0.0.2:0", vips[0]},
	} {
		for asking, ask := range asks {
			for serving, server := range servers {
				t.Run(fmt.Sprint(s.network, s.address, s.vip, asking, serving), func(t *testing.T) {
					c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, s.network, s.address)
					serve(t, &dsrudp.Server{Handler: server.handler, Concurrency: server.concurrency}, c)
					x := dialSegmented(t, c, s.vip)
					require.Zero(t, testing.AllocsPerRun(100, func() {
						if err := ask(x); err != nil {
							t.Fatal(err)
						}
						if _, err := x.Read(answer); err != nil {
							t.Fatal(err)
						}
					}))
				})
			}
		}
	}
}
