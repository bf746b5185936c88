//go:build linux && !race

package dsrudp_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestServerAllocations: nothing for a datagram, nor for a train and its answers,
// whether they are taken apart or not.
func TestServerAllocations(t *testing.T) {
	payload, answer := make([]byte, trainLen), make([]byte, 1<<16)
	segments := make([]byte, unix.CmsgSpace(2))
	binary.NativeEndian.PutUint16(cmsghdr(segments, unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2), trainSize)
	asks := map[string]func(x *net.UDPConn) error{
		"datagram": func(x *net.UDPConn) error { _, err := x.Write(payload[:64]); return err },
		"train":    func(x *net.UDPConn) error { _, _, err := x.WriteMsgUDP(payload, segments, nil); return err },
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
				for name, trains := range map[string]bool{"split": false, "whole": true} {
					t.Run(s.network+s.address+"/"+s.vip.String()+"/"+asking+"/"+writing+"/"+name, func(t *testing.T) {
						c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, s.network, s.address)
						serve(t, &dsrudp.Server{Handler: handler, Trains: trains}, c)
						x := dialTrains(t, c, s.vip)
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
}
