package dsrudp_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// badPackets are ways to spoil one Packet, with what its error matches.
var badPackets = map[string]struct {
	want  error
	spoil func(p *dsrudp.Packet)
}{
	"no local address":     {dsrudp.ErrNoPath, func(p *dsrudp.Packet) { p.Path.Local = netip.AddrPort{} }},
	"foreign source":       {dsrudp.ErrNotLocal, func(p *dsrudp.Packet) { p.Path.Local = netip.MustParseAddrPort("198.51.100.77:0") }},
	"other port":           {dsrudp.ErrNotLocal, func(p *dsrudp.Packet) { p.Path.Local = netip.AddrPortFrom(vips[0], 1) }},
	"group as source":      {dsrudp.ErrNotLocal, func(p *dsrudp.Packet) { p.Path.Local = netip.MustParseAddrPort("224.0.0.1:0") }},
	"source of IPv6":       {dsrudp.ErrNotLocal, func(p *dsrudp.Packet) { p.Path.Local = netip.MustParseAddrPort("[::1]:0") }},
	"no remote address":    {nil, func(p *dsrudp.Packet) { p.Path.Remote = netip.AddrPort{} }},
	"too long":             {syscall.EMSGSIZE, func(p *dsrudp.Packet) { p.Buf, p.N = make([]byte, 65508), 65508 }},
	"N negative":           {syscall.EINVAL, func(p *dsrudp.Packet) { p.N = -1 }},
	"N beyond the buffer":  {syscall.EINVAL, func(p *dsrudp.Packet) { p.N = len(p.Buf) + 1 }},
	"SegmentSize negative": {syscall.EINVAL, func(p *dsrudp.Packet) { p.SegmentSize = -1 }},
	"no ECN mark":          {syscall.EINVAL, func(p *dsrudp.Packet) { p.ECN = 4 }},
	"long segments": {syscall.EMSGSIZE, func(p *dsrudp.Packet) {
		p.Buf, p.N, p.SegmentSize = make([]byte, 132000), 132000, 66000
	}},
}

// TestWritePacketsTriesAll: one bad Packet, wherever it is, has the error, and
// all others arrive, once and in order.
func TestWritePacketsTriesAll(t *testing.T) {
	const count = 5
	for _, w := range wildcards[:2] {
		for name, bad := range badPackets {
			t.Run(w.network+"/"+name, func(t *testing.T) {
				c := listen(t, w.network, w.address)
				x := dialVIP(t, c, vips[0])
				path := dsrudp.Path{Local: netip.AddrPortFrom(vips[0], portOf(c)), Remote: addrPortOf(x.LocalAddr())}
				for at := range count {
					ps := make([]dsrudp.Packet, count)
					for i := range ps {
						ps[i] = packet(fmt.Sprintf("%d of %d", i, at), path)
						ps[i].Err = os.ErrInvalid // of before
					}
					bad.spoil(&ps[at])
					n, err := c.WritePackets(ps)
					require.Equal(t, count-1, n)
					requireWriteOp(t, err, bad.want)
					for i := range ps {
						if i == at {
							requireWriteOp(t, ps[i].Err, bad.want)
							require.ErrorIs(t, err, ps[i].Err)
							continue
						}
						require.NoError(t, ps[i].Err)
						require.Equal(t, fmt.Sprintf("%d of %d", i, at), read(t, x))
					}
				}
				write(t, x, "still well")
				require.Len(t, readAll(t, c, 1), 1)
				requireNothing(t, x)
			})
		}
	}
}

// TestWritePacketsAllBad: the error joins those of all, in any of their ways.
func TestWritePacketsAllBad(t *testing.T) {
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	path := dsrudp.Path{Local: netip.AddrPortFrom(vips[0], portOf(c)), Remote: addrPortOf(x.LocalAddr())}
	var ps []dsrudp.Packet
	for _, bad := range badPackets {
		p := packet("bad", path)
		bad.spoil(&p)
		ps = append(ps, p)
	}
	n, err := c.WritePackets(ps)
	require.Zero(t, n)
	for _, bad := range badPackets {
		if bad.want != nil {
			require.ErrorIs(t, err, bad.want)
		}
	}
	for _, p := range ps {
		require.Error(t, p.Err)
		require.ErrorContains(t, err, p.Err.Error())
	}
	require.Len(t, strings.Split(err.Error(), "\n"), len(ps))
	requireNothing(t, x)
}

// TestWritePacketsWrongFamily: on an IPv4 socket, in net's words, whatever the source.
func TestWritePacketsWrongFamily(t *testing.T) {
	c := listen(t, "udp4", ":0")
	x := dialVIP(t, c, vips[0])
	path := dsrudp.Path{Local: netip.AddrPortFrom(vips[0], portOf(c)), Remote: addrPortOf(x.LocalAddr())}
	v6 := netip.MustParseAddrPort("[::1]:9")
	for _, wrong := range []dsrudp.Path{
		{Local: netip.MustParseAddrPort("[::1]:0"), Remote: v6},
		{Local: path.Local, Remote: v6},
		{Local: path.Local},
	} {
		ps := []dsrudp.Packet{packet("1", path), packet("bad", wrong), packet("2", path)}
		n, err := c.WritePackets(ps)
		require.Equal(t, 2, n)
		_, want := c.WriteToPath([]byte("bad"), wrong)
		requireSameError(t, want, ps[1].Err)
		requireWriteOp(t, err, nil)
		require.Equal(t, "1", read(t, x))
		require.Equal(t, "2", read(t, x))
	}
}

// TestWritePacketsMany: a long list with bad ones all over it, to several clients.
func TestWritePacketsMany(t *testing.T) {
	const count = 300
	c := listenWith(t, &dsrudp.ListenConfig{ReadBuffer: 1 << 20}, "udp", ":0")
	clients := []*net.UDPConn{dialVIP(t, c, vips[0]), dialVIP(t, c, vips[1])}
	var ps []dsrudp.Packet
	want, good := [2][]string{}, 0
	for i := range count {
		k := i / 7 % 2
		p := packet(fmt.Sprintf("%d%s", i, strings.Repeat(".", i%3)), dsrudp.Path{
			Local:  netip.AddrPortFrom(vips[k], portOf(c)),
			Remote: addrPortOf(clients[k].LocalAddr()),
		})
		switch {
		case i%11 == 5:
			badPackets["foreign source"].spoil(&p)
		case i%13 == 5:
			badPackets["too long"].spoil(&p)
		case i%17 == 5:
			badPackets["no local address"].spoil(&p)
		default:
			good++
			want[k] = append(want[k], string(p.Payload()))
		}
		ps = append(ps, p)
	}
	for range 2 {
		n, err := c.WritePackets(ps)
		require.Equal(t, good, n)
		require.Error(t, err)
		for k, x := range clients {
			for _, s := range want[k] {
				require.Equal(t, s, read(t, x))
			}
			requireNothing(t, x)
		}
	}
	n, err := c.WritePackets(nil)
	require.NoError(t, err)
	require.Zero(t, n)
}

// TestWritePacketsConnected: on an adopted connected socket Packets go to the
// peer, and to no other.
func TestWritePacketsConnected(t *testing.T) {
	x := listen(t, "udp4", "127.0.0.1:0")
	c := adopt(t, dial(t, vipPort0, addrPortOf(x.LocalAddr())))
	path := dsrudp.Path{Local: addrPortOf(c.LocalAddr()), Remote: addrPortOf(x.LocalAddr())}
	other := path
	other.Remote = netip.MustParseAddrPort("127.0.0.1:9")
	ps := []dsrudp.Packet{packet("1", path), packet("2", other), packet("3", path)}
	n, err := c.WritePackets(ps)
	require.Equal(t, 2, n)
	require.ErrorIs(t, err, net.ErrWriteToConnected)
	for i, want := range []string{"1", "3"} {
		got := readAll(t, x, 1)[0]
		require.Equal(t, want, string(got.Payload()), i)
		require.Equal(t, path.Local, got.Path.Remote)
	}
}
