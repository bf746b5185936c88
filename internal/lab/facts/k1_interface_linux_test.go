package facts_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// K1.5: control messages handed back as they came name the interface that the
// request came in by. Where that is not the way back the kernel takes the client
// for a neighbour on it, and the answer is lost without a word.
func TestK1_5_ArrivalInterfaceEchoed(t *testing.T) {
	t.Run("asymmetric", func(t *testing.T) {
		s, _ := newSite(t, lab.Options{Asymmetric: true})
		s.arrivalEchoed(t, dev)
	})
	t.Run("macvlan", func(t *testing.T) {
		s, l := newSite(t, lab.Options{})
		s.arriveByMacvlan(t, l)
		s.arrivalEchoed(t, "macvlan0")
	})
	t.Run("VXLAN", func(t *testing.T) {
		s, l := newSite(t, lab.Options{})
		s.arriveByVXLAN(t, l)
		s.arrivalEchoed(t, "vxlan0")
	})
}

// arriveByMacvlan makes the server an interface macvlan0 that shares the cable of eth0,
// and has the balancer hand requests to it. It has no address.
func (s *site) arriveByMacvlan(t *testing.T, l *lab.Lab) netlink.Link {
	t.Helper()
	mac := net.HardwareAddr{0x42, 0x01, 0x0a, 0x80, 0x00, 0x63}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr, attrs.ParentIndex = "macvlan0", mac, index(t, s.server, dev)
	link := &netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}
	addLink(t, s.server, link)
	require.NoError(t, l.Balancer.AddNeighbor("out0", l.Backends[0].Internal4, mac))
	return link
}

// arriveByVXLAN has the balancer send what is for a VIP through a tunnel to the server.
func (s *site) arriveByVXLAN(t *testing.T, l *lab.Lab) {
	t.Helper()
	at, of := netip.MustParseAddr("10.128.0.254"), l.Backends[0].Internal4 // the balancer's and the backend's ends
	for _, end := range []struct {
		host        *lab.Host
		dev         string
		local, peer netip.Addr
		mac         byte
	}{{l.Balancer, "out0", at, of, 1}, {s.server, dev, of, at, 2}} {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.HardwareAddr = "vxlan0", net.HardwareAddr{0x42, 0x02, 0, 0, 0, end.mac}
		addLink(t, end.host, &netlink.Vxlan{
			LinkAttrs: attrs, VxlanId: 7, Port: 4789, VtepDevIndex: index(t, end.host, end.dev),
			SrcAddr: end.local.AsSlice(), Group: end.peer.AsSlice(),
		})
	}
	far := netip.MustParseAddr("10.131.0.2") // of the backend, as the balancer knows it
	require.NoError(t, l.Balancer.AddRoute(single(far), netip.Addr{}, "vxlan0"))
	require.NoError(t, l.Balancer.AddNeighbor("vxlan0", far, net.HardwareAddr{0x42, 0x02, 0, 0, 0, 2}))
	for _, vip := range s.vips {
		require.NoError(t, l.Balancer.Netlink().RouteReplace(&netlink.Route{
			Dst: ipNet(single(vip)), Gw: far.AsSlice(), Flags: int(netlink.FLAG_ONLINK), LinkIndex: index(t, l.Balancer, "vxlan0"),
		}))
	}
}

// addLink makes an interface and brings it up, or skips the test if the kernel has
// none of its kind.
func addLink(t *testing.T, h *lab.Host, link netlink.Link) {
	t.Helper()
	err := h.Netlink().LinkAdd(link)
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skipf("this kernel has no %s interfaces", link.Type())
	}
	require.NoError(t, err)
	require.NoError(t, h.Up(link.Attrs().Name))
}

// arrivalEchoed shows K1.5 on a site where requests come in by one interface
// and the way back is by another.
func (s *site) arrivalEchoed(t *testing.T, in string) {
	t.Helper()
	s.giveUpSoon(t, in)
	loopback := labtest.Capture(t, s.server, "lo")
	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			r := b.asked(client)
			require.Equal(t, &info4{ifindex: index(t, s.server, in), specDst: vip, addr: vip}, r.v4)
			lost := b.answer(r, r.oob)
			requireGivenUp(t, loopback, client)
			requireAccepted(t, client, b.answer(r, source(vip)))
			s.requireNotSent(t, lost)
		}
	}, pktinfo4)
	s.requireDSR(t, s.vips...)
}

// giveUpSoon has the server ask one time for a neighbour on the interface, and
// wait a millisecond, before it gives up.
func (s *site) giveUpSoon(t *testing.T, dev string) {
	t.Helper()
	for _, key := range []string{"mcast_solicit", "retrans_time_ms"} {
		require.NoError(t, s.server.Sysctl("net.ipv4.neigh."+dev+"."+key, "1"))
	}
}

// requireGivenUp requires that a datagram from the VIP to its client found no
// neighbour. The server's kernel reports that to the sender, which is itself.
func requireGivenUp(t *testing.T, loopback *lab.Capture, client net.Conn) {
	t.Helper()
	flow := lab.Flow{Src: addrPort(client.RemoteAddr()), Dst: addrPort(client.LocalAddr())}
	p := waitFor(t, loopback, func(p lab.Packet) bool { return p.Kind == lab.ICMP && p.Inner == flow })
	require.Contains(t, p.String(), "DestinationUnreachable(Host)")
}

// K1.6: the same is lost on the way to a client on the server's own host, if
// the address it asks from is not the VIP's interface's. The arrival interface of such
// a request is that of the VIP's route.
func TestK1_6_LocalClient(t *testing.T) {
	s, l := newSite(t, lab.Options{Asymmetric: true})
	s.client = s.server
	loopback := labtest.Capture(t, s.server, "lo")
	s.giveUpSoon(t, dev)
	for _, tt := range []struct {
		name  string
		local netip.Addr
		lost  bool
	}{
		{"loopback", netip.MustParseAddr("127.0.0.1"), true},
		{"another interface", netip.MustParseAddr("10.129.0.2"), true},
		{"the VIP's interface", l.Backends[0].Internal4, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.eachBare(t, networks4, func(t *testing.T, b *bare) {
				for _, vip := range s.vips {
					client := s.dialFrom(t, tt.local, vip)
					r := b.asked(client)
					require.Equal(t, &info4{ifindex: index(t, s.server, dev), specDst: vip, addr: vip}, r.v4)
					echoed := b.answer(r, r.oob)
					if tt.lost {
						requireGivenUp(t, loopback, client)
					} else {
						requireAccepted(t, client, echoed)
					}
					requireAccepted(t, client, b.answer(r, source(vip)))
				}
			}, pktinfo4)
			s.eachWay(t, networks4, func(t *testing.T, c *dsrudp.Conn, w way) {
				s.requireAnswered(t, c, w, s.dialFrom(t, tt.local, s.vips[0]), s.dialFrom(t, tt.local, s.vips[1]))
			})
		})
	}
}

// K1.7: the interface that is named may be gone, or down, by the time of the
// answer.
func TestK1_7_ArrivalInterfaceGone(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lose  func(h *lab.Host, link netlink.Link) error
		errno error
	}{
		{"gone", func(h *lab.Host, link netlink.Link) error { return h.Netlink().LinkDel(link) }, unix.ENODEV},
		{"down", func(h *lab.Host, link netlink.Link) error { return h.Netlink().LinkSetDown(link) }, unix.ENETUNREACH},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := newSite(t, lab.Options{})
			arrive := func(t *testing.T) netlink.Link {
				link := s.arriveByMacvlan(t, l)
				t.Cleanup(func() {
					if err := s.server.Netlink().LinkDel(link); !errors.Is(err, unix.ENODEV) {
						require.NoError(t, err)
					}
				})
				return link
			}
			s.eachBare(t, networks4, func(t *testing.T, b *bare) {
				link := arrive(t)
				var requests []bareRequest
				clients := s.dialAll(t, s.vips...)
				for _, client := range clients {
					requests = append(requests, b.asked(client))
				}
				require.NoError(t, tt.lose(s.server, link))
				for i, r := range requests {
					require.Equal(t, link.Attrs().Index, r.v4.ifindex)
					_, err := b.tryAnswer(r, r.oob)
					require.ErrorIs(t, err, tt.errno)
					requireAccepted(t, clients[i], b.answer(r, source(s.vips[i])))
				}
			}, pktinfo4)
			s.eachWay(t, networks4, func(t *testing.T, c *dsrudp.Conn, w way) {
				link := arrive(t)
				round := s.receiveAll(t, c, w, s.dialAll(t, s.vips...)...)
				require.NoError(t, tt.lose(s.server, link))
				round.requireAccepted(t)
			})
		})
	}
}
