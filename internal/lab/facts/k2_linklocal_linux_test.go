package facts_test

import (
	"net"
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// duoLinkLocal returns the link-local address that the kernel gave an interface.
func duoLinkLocal(t *testing.T, h *lab.Host, dev string) netip.Addr {
	t.Helper()
	l, err := h.Link(dev)
	require.NoError(t, err)
	addrs, err := h.Netlink().AddrList(l, unix.AF_INET6)
	require.NoError(t, err)
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok && ip.IsLinkLocalUnicast() {
			return ip
		}
	}
	require.Fail(t, "no link-local address", "%s of %s", dev, h.Name)
	return netip.Addr{}
}

// K2.7: a good link-local source needs the index of its interface beside it.
func TestK2_7_LinkLocalSourceNeedsIndex(t *testing.T) {
	d := newDuo(t)
	src := info6{addr: duoLinkLocal(t, d.server, duoDev)}
	pinned := info6{src.addr, siteIndex(t, d.server, duoDev)}
	for _, network := range k2Networks {
		t.Run("bare/"+network, func(t *testing.T) {
			b, to := d.listen(t, network, netip.Addr{}), d.unheard(t)
			for range 2 {
				bad, good := duoPayload("no index"), duoPayload("index")
				_, _, err := b.WriteMsgUDPAddrPort([]byte(bad), src.oob(), to)
				require.ErrorIs(t, err, unix.EINVAL)
				_, _, err = b.WriteMsgUDPAddrPort([]byte(good), pinned.oob(), to)
				require.NoError(t, err)
				d.requireSentFrom(t, good, src.addr)
				d.requireSilence(t, bad)
				b.set(bareFreebind)
			}
		})
	}
	d.eachServer(t, func(t *testing.T, c *dsrudp.Conn, _ []netip.Addr) {
		to := d.unheard(t)
		for _, w := range guardSends {
			bad, good := duoPayload("no index"), duoPayload("index")
			// The address is local, but to which link is not said.
			require.ErrorIs(t, w.send(c, bad, src, to), dsrudp.ErrNotLocal, w.name)
			require.NoError(t, w.send(c, good, pinned, to), w.name)
			d.requireSentFrom(t, good, src.addr)
			d.requireSilence(t, bad)
		}
		require.EqualValues(t, len(guardSends), c.Stats().Refused)
	})
}

// Two links on which all addresses are the same, and the client's port too:
// nothing but the zones tells the peers apart.
func TestK2_7_LinkLocalPeers(t *testing.T) {
	d := newDuo(t)
	devs := []string{duoDev, "eth1"}
	require.NoError(t, lab.Connect(d.client, devs[1], d.server, devs[1]))
	at, from := netip.MustParseAddr("fe80::51"), netip.MustParseAddr("fe80::52")
	for _, dev := range devs {
		require.NoError(t, d.server.AddAddr(dev, netip.PrefixFrom(at, 64)))
		require.NoError(t, d.client.AddAddr(dev, netip.PrefixFrom(from, 64)))
		duoIntroduce(t, d.client, dev, d.server, dev, at)
		duoIntroduce(t, d.server, dev, d.client, dev, from)
	}
	wires := []*lab.Capture{d.wire, labtest.Capture(t, d.server, devs[1])}
	const port = 40000
	dial := func(t *testing.T) (cs []*net.UDPConn) {
		for _, dev := range devs {
			zone := strconv.Itoa(siteIndex(t, d.client, dev))
			cs = append(cs, duoDial(t, d.client, netip.AddrPortFrom(from.WithZone(zone), port), guardVIP(at.WithZone(zone))))
		}
		return append(cs, d.dial(t, duoVIPs6[0]), d.dial(t, duoRangeVIPs[0]))
	}
	for _, network := range k2Networks {
		t.Run("bare/"+network, func(t *testing.T) {
			b := d.listen(t, network, netip.Addr{}, barePktinfo6)
			for i, client := range dial(t)[:2] {
				d.ask(t, client)
				r := b.receive()
				require.Equal(t, &info6{at, siteIndex(t, d.server, devs[i])}, r.v6)
				d.requireAccepted(t, client, b.answer(r, r.oob))
			}
		})
	}
	d.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
		clients := dial(t)
		for _, w := range guardWays {
			d.requireAnswered(t, c, w, clients...)
		}
		require.Zero(t, c.Stats().AmbiguousPath)
		for i, client := range clients[:2] {
			d.ask(t, client)
			_, p, err := c.ReadFromPath(make([]byte, 2048))
			require.NoError(t, err)
			require.Equal(t, dsrudp.Path{
				Local:  guardVIP(at.WithZone(devs[i])),
				Remote: netip.AddrPortFrom(from.WithZone(devs[i]), port),
			}, p)

			// A global source to a link-local peer.
			payload := duoPayload("from a VIP")
			_, err = c.WriteToPath([]byte(payload), dsrudp.Path{Local: guardVIP(duoVIPs6[0]), Remote: p.Remote})
			require.NoError(t, err)
			duoSentFrom(t, wires[i], payload, duoVIPs6[0])
		}
	})
	t.Run("a batch", func(t *testing.T) {
		d.eachWildcard(t, func(t *testing.T, c *dsrudp.Conn) {
			clients := dial(t)[:2]
			for i, client := range clients {
				d.ask(t, client)
				n, err := c.ReadPackets([]dsrudp.Packet{{Buf: make([]byte, 2048)}})
				require.NoError(t, err)
				require.Equal(t, 1, n)
				want := dsrudp.Path{
					Local:  guardVIP(at.WithZone(devs[i])),
					Remote: netip.AddrPortFrom(from.WithZone(devs[i]), port),
				}
				got, ok := c.PathTo(want.Remote)
				require.True(t, ok)
				require.Equal(t, want, got)
			}
			require.Zero(t, c.Stats().AmbiguousPath)
		})
	})
	for i, dev := range devs {
		t.Run("dsrudp/bound to "+dev, func(t *testing.T) {
			zone := strconv.Itoa(siteIndex(t, d.server, dev))
			c, clients := d.listenDSR(t, dsrudp.ListenConfig{}, "udp6", at.WithZone(zone)), dial(t)
			for _, w := range guardWays {
				d.requireAnswered(t, c, w, clients[i])
			}

			// As net's, it may send to the other link, which has its address too.
			one, batch := duoPayload("one"), duoPayload("a batch of one")
			to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(from.WithZone(devs[1-i]), port))
			_, err := c.WriteTo([]byte(one), to)
			require.NoError(t, err)
			duoSentFrom(t, wires[1-i], one, at)
			_, err = c.WriteBatch([]ipv4.Message{{Buffers: [][]byte{[]byte(batch)}, Addr: to}}, 0)
			require.NoError(t, err)
			duoSentFrom(t, wires[1-i], batch, at)
		})
	}
}
