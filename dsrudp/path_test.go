package dsrudp_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestPath: what a Path says of itself, and of which addresses there is none.
func TestPath(t *testing.T) {
	p := dsrudp.Path{Local: vipPort, Remote: netip.MustParseAddrPort("203.0.113.2:40695")}
	require.Equal(t, "198.51.100.2:60002<-203.0.113.2:40695", p.String())
	require.True(t, p.IsValid())
	require.False(t, dsrudp.Path{Remote: p.Remote}.IsValid())
	require.False(t, dsrudp.Path{Local: p.Local}.IsValid())
	for _, a := range []net.Addr{nil, (*net.UDPAddr)(nil), &net.UDPAddr{}, otherAddr{}, &net.TCPAddr{}} {
		_, ok := dsrudp.PathOf(a)
		require.False(t, ok)
	}
}

// TestPromise1_Received: every read that can returns the path of its datagram, on each
// kind of socket, and PathTo returns the last one.
func TestPromise1_Received(t *testing.T) {
	b := make([]byte, 16)
	for _, at := range endpoints {
		t.Run(at.String(), func(t *testing.T) {
			c := listenAt(t, at)
			x := dialVIP(t, c, at.asked[len(at.asked)-1])
			for name, read := range map[string]func() (dsrudp.Path, bool){
				"ReadFromPath": func() (dsrudp.Path, bool) { _, p, err := c.ReadFromPath(b); return p, err == nil },
				"ReadFrom":     func() (dsrudp.Path, bool) { _, a, _ := c.ReadFrom(b); return dsrudp.PathOf(a) },
				"ReadFromUDP":  func() (dsrudp.Path, bool) { _, a, _ := c.ReadFromUDP(b); return dsrudp.PathOf(a) },
				"ReadMsgUDP":   func() (dsrudp.Path, bool) { _, _, _, a, _ := c.ReadMsgUDP(b, nil); return dsrudp.PathOf(a) },
				"PathTo": func() (dsrudp.Path, bool) {
					_, a, _ := c.ReadFromUDPAddrPort(b)
					return c.PathTo(a)
				},
			} {
				write(t, x, "1")
				p, ok := read()
				require.True(t, ok, name)
				require.Equal(t, between(x), p, name)
			}
		})
	}
}

// TestPromise1_Bound: a socket bound to one address receives no control messages, sends
// from its address to anyone, and misses no path.
func TestPromise1_Bound(t *testing.T) {
	needVIPs(t)
	c := listen(t, "udp", "127.0.0.2:0")
	x := dialVIP(t, c, vips[0])
	write(t, x, "1")
	_, oobn, flags, a, err := c.ReadMsgUDPAddrPort(make([]byte, 16), make([]byte, 64))
	require.NoError(t, err)
	require.Zero(t, oobn)
	require.Zero(t, flags)
	_, err = c.WriteToUDPAddrPort([]byte("2"), a)
	require.NoError(t, err)
	require.Equal(t, "2", read(t, x))
	p, ok := c.PathTo(vipPort)
	require.True(t, ok)
	require.Equal(t, addrPortOf(c.LocalAddr()), p.Local)
	require.Zero(t, faults(c))
}

// reusable returns a socket of net's whose port others may share.
func reusable(t *testing.T, network, address string) *net.UDPConn {
	t.Helper()
	u, err := (&net.ListenConfig{Control: reusePort}).ListenPacket(t.Context(), network, address)
	require.NoError(t, err)
	return u.(*net.UDPConn)
}

// TestPromise1_CarriedAnywhere: what an address carries is honoured by every wildcard Conn
// of the same port, adopted or not, and by no other.
func TestPromise1_CarriedAnywhere(t *testing.T) {
	for _, network := range []string{"udp4", "udp"} {
		first := adopt(t, reusable(t, network, ":0"))
		x, y := dialOnePort(t, first, vips[0], vips[1])
		toX, toY := receive(t, first, x), receive(t, first, y)

		// They are made when there is nothing left to be received. They know no remote.
		address := first.LocalAddr().String()
		for _, c := range []*dsrudp.Conn{
			first,
			adopt(t, reusable(t, network, address)),
			listenWith(t, &dsrudp.ListenConfig{ReusePort: true, PathMemory: -1}, network, address),
		} {
			_, err := c.WriteTo([]byte("x"), toX)
			require.NoError(t, err)
			_, _, err = c.WriteMsgUDP([]byte("y"), nil, toY)
			require.NoError(t, err)
			require.Equal(t, "x", read(t, x))
			require.Equal(t, "y", read(t, y))
			require.Zero(t, c.Stats().UnknownPath)
			require.Zero(t, c.Stats().AmbiguousPath)
		}
		other := listenWith(t, &dsrudp.ListenConfig{Strict: true}, network, ":0")
		_, err := other.WriteTo([]byte("bad"), toX)
		require.ErrorIs(t, err, dsrudp.ErrNoPath)
	}
}

// TestPromise1_CarriedBound: what one bound Conn read leaves from the other through the
// other, as with net: STUN's CHANGE-REQUEST (RFC 5780) needs it.
func TestPromise1_CarriedBound(t *testing.T) {
	needVIPs(t)
	a := listen(t, "udp4", vips[0].String()+":0")
	b := listen(t, "udp4", netip.AddrPortFrom(vips[1], portOf(a)).String())
	x, y := dialOnePort(t, a, vips[0], vips[1])
	addr := receive(t, a, x)
	_, err := b.WriteTo([]byte("changed"), addr)
	require.NoError(t, err)
	require.Equal(t, "changed", read(t, y))
	_, err = a.WriteTo([]byte("same"), addr)
	require.NoError(t, err)
	require.Equal(t, "same", read(t, x))
}

// TestPromise1_UnknownRemote: a send to a remote that never wrote, or any without the path
// memory, leaves as net sends it and is counted, or is refused with Strict.
func TestPromise1_UnknownRemote(t *testing.T) {
	for _, lc := range []dsrudp.ListenConfig{{}, {Strict: true}, {PathMemory: -1}, {PathMemory: -1, Strict: true}} {
		c := listenWith(t, &lc, "udp4", ":0")
		x := netClient(t, net.IPv4(127, 0, 0, 1))
		a := x.LocalAddr().(*net.UDPAddr)
		if lc.PathMemory < 0 {
			own := netip.AddrFrom4([4]byte{127, 0, 0, 1})
			_, err := x.WriteToUDPAddrPort([]byte("1"), netip.AddrPortFrom(own, portOf(c)))
			require.NoError(t, err)
			_, p, err := c.ReadFromPath(make([]byte, 1))
			require.NoError(t, err)
			require.Equal(t, pathFrom(c, own, x), p)
		}
		unknown := 0
		for name, writeTo := range writers {
			if name == "WriteToPath" || name == "WritePackets" {
				continue // which need a local address
			}
			err := writeTo(c, []byte("hi"), dsrudp.Path{Remote: addrPortOf(a)})
			if lc.Strict {
				require.ErrorIs(t, err, dsrudp.ErrNoPath, name)
			} else {
				require.NoError(t, err, name)
				require.Equal(t, "hi", read(t, x))
			}
			unknown++
			require.EqualValues(t, unknown, c.Stats().UnknownPath, name)
		}
		_, ok := c.PathTo(addrPortOf(a))
		require.False(t, ok)
		require.Zero(t, c.Stats().PathEntries)
	}
}

// TestPromise1_AmbiguousRemote: of one port that wrote to two VIPs the last VIP is taken and
// the send counted, or it is refused with Strict.
func TestPromise1_AmbiguousRemote(t *testing.T) {
	for _, strict := range []bool{false, true} {
		c := listenWith(t, &dsrudp.ListenConfig{Strict: strict}, "udp4", ":0")
		x, y := dialOnePort(t, c, vips[0], vips[1])
		client := receive(t, c, x).AddrPort()
		_, ok := c.PathTo(client)
		require.True(t, ok)
		require.Zero(t, c.Stats().AmbiguousPath)
		receive(t, c, y)

		p, ok := c.PathTo(client)
		require.Equal(t, !strict, ok)
		_, err := c.WriteToUDPAddrPort([]byte("hi"), client)
		require.EqualValues(t, 1, c.Stats().AmbiguousPath)
		if strict {
			require.ErrorIs(t, err, dsrudp.ErrNoPath)
			require.EqualValues(t, 1, c.Stats().Refused)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, vips[1], p.Local.Addr())
		require.Equal(t, "hi", read(t, y))
	}
}

// TestPromise8_PathMemoryBound: the memory holds no more remotes than its bound, the newest
// among them, and those that made room are counted.
func TestPromise8_PathMemoryBound(t *testing.T) {
	const bound, clients = 8, 40
	c := listenWith(t, &dsrudp.ListenConfig{PathMemory: bound}, "udp4", ":0")
	for range clients {
		x := dialVIP(t, c, vips[0])
		_, err := c.WriteToUDPAddrPort([]byte("1"), receive(t, c, x).AddrPort())
		require.NoError(t, err)
		require.Equal(t, "1", read(t, x))
	}
	s := c.Stats()
	require.LessOrEqual(t, s.PathEntries, bound)
	require.EqualValues(t, clients, uint64(s.PathEntries)+s.PathEvicted)
	require.Positive(t, s.PathBytes)
}
