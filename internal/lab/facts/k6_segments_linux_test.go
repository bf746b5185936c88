package facts_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// k6Size and k6Train are of a train that fits any link: five datagrams, of which
// the last is shorter.
const (
	k6Size  = 300
	k6Train = 4*k6Size + 70
)

var k6GRO = bareOn(unix.IPPROTO_UDP, unix.UDP_GRO)

// k6Payload returns a train of n bytes like no other, whose datagrams differ.
func k6Payload(n int) []byte {
	b := bytes.Repeat([]byte{'.'}, n)
	for at := 0; at < n; at += k6Size {
		copy(b[at:], duoPayload("segment"))
	}
	return b
}

// k6Segment is the control message that cuts a payload (UDP_SEGMENT, udp(7)).
func k6Segment(size int) []byte {
	return bareMessage(unix.IPPROTO_UDP, unix.UDP_SEGMENT, binary.NativeEndian.AppendUint16(nil, uint16(size)))
}

// k6Source is the control message that names a source, for a socket of network.
func k6Source(network string, a netip.Addr) []byte {
	if a.Is4() && network != "udp4" {
		return info6{addr: info6Mapped(a)}.oob()
	}
	return k8Source(a)
}

// k6Freebind lets a socket send from a, which is a local route only.
func k6Freebind(a netip.Addr) bareOption {
	if a.Is6() {
		return bareFreebind
	}
	return func(int) error { return nil }
}

// k6Packets cuts a train into Packets of their own.
func k6Packets(train []byte, p dsrudp.Path) (ps []dsrudp.Packet) {
	for ; len(train) > 0; train = train[min(k6Size, len(train)):] {
		n := min(k6Size, len(train))
		ps = append(ps, dsrudp.Packet{Buf: train[:n], N: n, Path: p})
	}
	return ps
}

// path has the client ask c, and returns the path of that.
func (d *duo) path(t *testing.T, c *dsrudp.Conn, client *net.UDPConn) dsrudp.Path {
	t.Helper()
	d.ask(t, client)
	ps := []dsrudp.Packet{{Buf: make([]byte, 2048)}}
	_, err := c.ReadPackets(ps)
	require.NoError(t, err)
	return ps[0].Path
}

// requireTrain requires that the train left from src as one.
func (d *duo) requireTrain(t *testing.T, train []byte, src netip.Addr) {
	t.Helper()
	d.requireSentFrom(t, string(train), src)
}

// K6.1: the messages of a source and of a segment size go together, in either
// order, over a cable and within the host, on every kind of socket.
func TestK6_1_SegmentsFromVIP(t *testing.T) {
	d := newDuo(t)
	for _, tc := range k5Cases {
		name := tc.network + " " + tc.vips[0].String()
		t.Run("bare/"+name, func(t *testing.T) {
			b := d.listen(t, tc.network, netip.Addr{}, append(tc.options[:len(tc.options):len(tc.options)], k6Freebind(tc.vips[0]))...)
			client := d.dial(t, tc.vips[0])
			within := duoDial(t, d.server, netip.AddrPort{}, netip.AddrPortFrom(tc.vips[0], lab.Port))
			source, segment := k6Source(tc.network, tc.vips[0]), k6Segment(k6Size)
			for _, oob := range [][]byte{append(source[:len(source):len(source)], segment...), append(segment[:len(segment):len(segment)], source...)} {
				for _, client := range []*net.UDPConn{client, within} {
					d.ask(t, client)
					r, train := b.receive(), k6Payload(k6Train)
					_, _, err := b.WriteMsgUDPAddrPort(train, oob, r.from)
					require.NoError(t, err)
					requireSegments(t, client, train, k6Size)
				}
			}
		})
		t.Run("dsrudp/"+name, func(t *testing.T) {
			c := d.listenDSR(t, dsrudp.ListenConfig{}, tc.network, netip.Addr{})
			within := duoDial(t, d.server, netip.AddrPort{}, netip.AddrPortFrom(tc.vips[0], lab.Port))
			for i, client := range append(d.dialVIPs(t, tc.vips), within) {
				p := d.path(t, c, client)
				train, packets := k6Payload(k6Train), k6Payload(k6Train)
				n, err := c.WritePackets([]dsrudp.Packet{{Buf: train, N: len(train), SegmentSize: k6Size, Path: p}})
				require.NoError(t, err)
				require.Equal(t, 1, n)
				requireSegments(t, client, train, k6Size)
				n, err = c.WritePackets(k6Packets(packets, p))
				require.NoError(t, err)
				require.Equal(t, 5, n)
				requireSegments(t, client, packets, k6Size)
				if i < len(tc.vips) {
					d.requireTrain(t, train, tc.vips[i])
					d.requireTrain(t, packets, tc.vips[i])
				}
			}
			require.Zero(t, c.Stats().OffloadFallbacks)
		})
	}
}

// K6.1: a train tells its destination like any datagram; where the kernel takes
// it apart for a socket that takes no trains, each of its datagrams does.
func TestK6_1_TrainsToVIP(t *testing.T) {
	d := newDuo(t)
	for _, tc := range k5Cases {
		name := tc.network + " " + tc.vips[0].String()
		for joined, options := range map[bool][]bareOption{false: nil, true: {k6GRO}} {
			t.Run("bare/"+name, func(t *testing.T) {
				b := d.listen(t, tc.network, netip.Addr{}, append(tc.options[:len(tc.options):len(tc.options)], options...)...)
				for _, vip := range tc.vips {
					train := k6Payload(k6Train)
					_, _, err := d.dial(t, vip).WriteMsgUDP(train, k6Segment(k6Size), nil)
					require.NoError(t, err)
					size := k6Size
					if joined {
						size = len(train)
					}
					for at := 0; at < len(train); at += size {
						r := b.receive()
						require.Equal(t, string(train[at:min(at+size, len(train))]), r.payload)
						if vip.Is4() && r.v4 != nil {
							require.Equal(t, vip, r.v4.specDst)
						} else {
							require.Equal(t, vip, r.v6.addr.Unmap())
						}
					}
				}
			})
			for _, whole := range []bool{false, true} {
				t.Run("dsrudp/"+name, func(t *testing.T) {
					c := d.listenDSR(t, dsrudp.ListenConfig{GRO: joined}, tc.network, netip.Addr{})
					clients, trains := d.dialOnePort(t, tc.vips...), [][]byte{k6Payload(k6Train), k6Payload(k6Train)}
					serve(t, &dsrudp.Server{Trains: whole, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
						if err := w.WritePacket(p); err != nil {
							t.Errorf("echo: %v", err)
						}
					})}, c)
					for i, client := range clients {
						_, _, err := client.WriteMsgUDP(trains[i], k6Segment(k6Size), nil)
						require.NoError(t, err)
					}
					for i, client := range clients {
						requireSegments(t, client, trains[i], k6Size)
					}
					if joined { // without, a batch may have ended in the train
						for i, vip := range tc.vips {
							d.requireTrain(t, trains[i], vip)
						}
					}
				})
			}
		}
	}
}
