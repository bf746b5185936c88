package facts_test

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// A duo with a second cable. The routing table sends what is for the client
// over the first.
type duoTwice struct {
	*duo
	wires map[string]*lab.Capture // of the server, by interface
}

const duoDev2 = "eth1"

var (
	duoServer6Dev2 = netip.MustParseAddr("2001:db8:2::1")
	duoClient6Dev2 = netip.MustParseAddr("2001:db8:2::2")
	duoServer4Dev2 = netip.MustParseAddr("192.168.2.1")
	duoClient4Dev2 = netip.MustParseAddr("192.168.2.2")
)

func newDuoTwice(t *testing.T) *duoTwice {
	t.Helper()
	d := newDuo(t)
	require.NoError(t, lab.Connect(d.client, duoDev2, d.server, duoDev2))
	require.NoError(t, d.server.AddAddr(duoDev2, netip.PrefixFrom(duoServer6Dev2, 64)))
	require.NoError(t, d.client.AddAddr(duoDev2, netip.PrefixFrom(duoClient6Dev2, 64)))
	require.NoError(t, d.server.AddAddr(duoDev2, netip.PrefixFrom(duoServer4Dev2, 24)))
	require.NoError(t, d.client.AddAddr(duoDev2, netip.PrefixFrom(duoClient4Dev2, 24)))
	duoIntroduce(t, d.server, duoDev2, d.client, duoDev2, duoClient6Dev2, duoClient4Dev2, duoLinkLocal(t, d.client, duoDev2))
	// Whatever is forced out of the second interface has a way there.
	require.NoError(t, d.server.AddRoute(duoAny6, duoClient6Dev2, duoDev2))
	require.NoError(t, d.server.AddRoute(duoAny4, duoClient4Dev2, duoDev2))
	return &duoTwice{d, map[string]*lab.Capture{duoDev: d.wire, duoDev2: labtest.Capture(t, d.server, duoDev2)}}
}

// k2Bound makes a plain socket bound to a group, which package net does not.
func k2Bound(group netip.Addr) func(t *testing.T, d *duo) *dsrudp.Conn {
	return func(t *testing.T, d *duo) *dsrudp.Conn {
		t.Helper()
		var c net.PacketConn
		require.NoError(t, d.server.Do(func() error {
			fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
			if err != nil {
				return err
			}
			f := os.NewFile(uintptr(fd), "udp")
			defer f.Close()
			index, err := d.server.Index(duoDev2)
			if err != nil {
				return err
			}
			sa := &unix.SockaddrInet6{Addr: group.As16(), Port: lab.Port}
			if group.IsLinkLocalMulticast() {
				sa.ZoneId = uint32(index)
			}
			if err := unix.Bind(fd, sa); err != nil {
				return err
			}
			c, err = net.FilePacketConn(f)
			return err
		}))
		return guardConn(t, c.(*net.UDPConn))
	}
}

// A request to an IPv6 group is answered from an address of the interface that
// it came in by, which the kernel finds for the source "::" with the index.
func TestK2_6_MulticastRequest(t *testing.T) {
	d := newDuoTwice(t)
	atServer := siteIndex(t, d.server, duoDev2)
	for group, want := range map[netip.Addr]netip.Addr{
		netip.MustParseAddr("ff02::51"): duoLinkLocal(t, d.server, duoDev2),
		netip.MustParseAddr("ff05::51"): duoServer6Dev2,
		netip.MustParseAddr("ff0e::51"): duoServer6Dev2,
	} {
		client := d.multicaster(t)
		ask := func(t *testing.T) string {
			request := duoPayload("request to " + group.String())
			_, err := client.WriteToUDPAddrPort([]byte(request), guardVIP(group))
			require.NoError(t, err)
			return request
		}
		requireAnswer := func(t *testing.T, answer string) {
			b := make([]byte, 2048)
			n, from, err := client.ReadFromUDPAddrPort(b)
			require.NoError(t, err)
			require.Equal(t, answer, string(b[:n]))
			require.Equal(t, guardVIP(want), netip.AddrPortFrom(from.Addr().WithZone(""), from.Port()))
		}
		t.Run("bare/"+group.String(), func(t *testing.T) {
			b := d.listen(t, "udp6", netip.Addr{}, barePktinfo6)
			k2Join(t, b.UDPConn, group, atServer)
			ask(t)
			r := b.receive()
			require.Equal(t, &info6{group, atServer}, r.v6)
			_, err := b.tryAnswer(r, r.oob)
			require.ErrorIs(t, err, unix.EINVAL)
			requireAnswer(t, b.answer(r, info6{netip.IPv6Unspecified(), atServer}.oob()))
		})
		servers := append(slices.Clone(guardServers), guardServer{"bound to the group", netip.Addr{}, k2Bound(group)})
		for _, s := range servers {
			if s.vip.IsValid() {
				continue // bound to another address
			}
			t.Run("dsrudp/"+s.name+"/"+group.String(), func(t *testing.T) {
				c := s.open(t, d.duo)
				k2Join(t, c, group, atServer)
				for _, w := range []dsrWay{dsrPacket, dsrCarried, dsrRemembered, guardCarriedMsg} {
					request := ask(t)
					r, err := w.receive(c)
					require.NoError(t, err)
					require.Equal(t, request, r.payload)
					require.NoError(t, r.answer("answer to "+request), w.name)
					requireAnswer(t, "answer to "+request)
				}

				ask(t)
				_, p, err := c.ReadFromPath(make([]byte, 2048))
				require.NoError(t, err)
				require.Equal(t, guardVIP(netip.IPv6Unspecified().WithZone(duoDev2)), p.Local)
				p, ok := c.PathTo(p.Remote)
				require.True(t, ok)
				require.Equal(t, guardVIP(netip.IPv6Unspecified().WithZone(duoDev2)), p.Local)

				// Handed back, the control messages ask for the group as the source.
				ask(t)
				r, err := dsrEchoed.receive(c)
				require.NoError(t, err)
				bad := duoPayload("from the group")
				dsrNotLocal(t, r.answer(bad))
				d.requireSilence(t, bad)
				require.Zero(t, c.Stats().LostPath)
			})
		}
	}
}

// k2Join joins a group on the interface with the index, as programs do.
func k2Join(t *testing.T, c net.PacketConn, group netip.Addr, index int) {
	t.Helper()
	err := ipv6.NewPacketConn(c).JoinGroup(&net.Interface{Index: index}, &net.UDPAddr{IP: group.AsSlice()})
	require.NoError(t, err)
}

// multicaster returns a socket of the client that sends to groups over the
// second cable. It is not connected, as no answer comes from a group.
func (d *duoTwice) multicaster(t *testing.T) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	require.NoError(t, d.client.Do(func() (err error) {
		c, err = net.ListenUDP("udp6", nil)
		return err
	}))
	b := &bareServer{siteConn(t, c), t}
	index := siteIndex(t, d.client, duoDev2)
	b.set(func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, index) })
	return b.UDPConn
}
