//go:build linux && !race

package dsrudp_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

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
	handlers := map[string]dsrudp.Handler{
		"Write":       dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) { _, _ = w.Write(p.Payload()) }),
		"WritePacket": dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) { _ = w.WritePacket(p) }),
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
			for writing, handler := range handlers {
				t.Run(fmt.Sprint(s.network, s.address, s.vip, asking, writing), func(t *testing.T) {
					c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, s.network, s.address)
					serve(t, &dsrudp.Server{Handler: handler}, c)
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
