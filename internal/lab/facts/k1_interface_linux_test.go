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

func TestK1_5_ArrivalInterfaceEchoed_Asymmetric(t *testing.T) {
	s, _ := newSite(t, lab.Options{Asymmetric: true})
	s.arrivalEchoed(t, "eth0", "eth1")
}

func TestK1_5_ArrivalInterfaceEchoed_Macvlan(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	s.arriveByMacvlan(t, l)
	s.arrivalEchoed(t, "macvlan0", "eth0")
}

// arriveByMacvlan makes the server an interface macvlan0 that shares the cable of eth0, and
// has the balancer hand requests to it. It has no address.
func (s *site) arriveByMacvlan(t *testing.T, l *lab.Lab) netlink.Link {
	t.Helper()
	mac := net.HardwareAddr{0x42, 0x01, 0x0a, 0x80, 0x00, 0x63}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr, attrs.ParentIndex = "macvlan0", mac, siteIndex(t, s.server, "eth0")
	link := &netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}
	siteAddLink(t, s.server, link)
	require.NoError(t, l.Balancer.AddNeighbor("out0", l.Backends[0].Internal4, mac))
	return link
}

func TestK1_5_ArrivalInterfaceEchoed_VXLAN(t *testing.T) {
	s, l := newSite(t, lab.Options{})
	at, of := netip.MustParseAddr("10.128.0.254"), l.Backends[0].Internal4 // the balancer's and the backend's ends
	for _, end := range []struct {
		host        *lab.Host
		dev         string
		local, peer netip.Addr
		mac         byte
	}{{l.Balancer, "out0", at, of, 1}, {s.server, "eth0", of, at, 2}} {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.HardwareAddr = "vxlan0", net.HardwareAddr{0x42, 0x02, 0, 0, 0, end.mac}
		siteAddLink(t, end.host, &netlink.Vxlan{
			LinkAttrs: attrs, VxlanId: 7, Port: 4789, VtepDevIndex: siteIndex(t, end.host, end.dev),
			SrcAddr: end.local.AsSlice(), Group: end.peer.AsSlice(),
		})
	}
	far := netip.MustParseAddr("10.131.0.2") // of the backend, as the balancer knows it
	require.NoError(t, l.Balancer.AddRoute(netip.PrefixFrom(far, 32), netip.Addr{}, "vxlan0"))
	require.NoError(t, l.Balancer.AddNeighbor("vxlan0", far, net.HardwareAddr{0x42, 0x02, 0, 0, 0, 2}))
	s.balanceOver(t, l, far, "vxlan0")
	s.arrivalEchoed(t, "vxlan0", "eth0")
}

// balanceOver has the balancer send what is for a VIP through a neighbour on
// one of its interfaces.
func (s *site) balanceOver(t *testing.T, l *lab.Lab, via netip.Addr, dev string) {
	t.Helper()
	for _, vip := range s.vips {
		require.NoError(t, l.Balancer.Netlink().RouteReplace(&netlink.Route{
			Dst: netlink.NewIPNet(vip.AsSlice()), Gw: via.AsSlice(), Flags: int(netlink.FLAG_ONLINK),
			LinkIndex: siteIndex(t, l.Balancer, dev),
		}))
	}
}

// siteAddLink makes an interface and brings it up, or skips the test if the kernel
// has none of its kind.
func siteAddLink(t *testing.T, h *lab.Host, link netlink.Link) {
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
func (s *site) arrivalEchoed(t *testing.T, in, out string) {
	t.Helper()
	s.giveUpSoon(t, in)
	loopback := labtest.Capture(t, s.server, "lo")
	leaving := labtest.Capture(t, s.server, out)
	s.eachBare(t, func(t *testing.T, b *bareServer) {
		for _, vip := range s.vips {
			client := s.dial(t, vip)
			s.ask(t, client)
			r := b.receive()
			require.Equal(t, &info4{ifindex: siteIndex(t, s.server, in), specDst: vip, addr: vip}, r.v4)
			lost := b.answer(r, r.oob)
			requireGivenUp(t, loopback, client)

			right := b.answer(r, info4{specDst: vip}.oob())
			s.requireAccepted(t, client, right)
			siteNotSent(t, leaving, lost, right)
		}
	}, barePktinfo4)
	s.requireDSR(t)
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
// neighbour. The server's kernel tells the sender, which is itself.
func requireGivenUp(t *testing.T, loopback *lab.Capture, client net.Conn) {
	t.Helper()
	flow := lab.Flow{Src: siteAddr(client.RemoteAddr()), Dst: siteAddr(client.LocalAddr())}
	p := siteWaitFor(t, loopback, func(p lab.Packet) bool { return p.Kind == lab.ICMP && p.Inner == flow })
	require.Contains(t, p.String(), "DestinationUnreachable(Host)")
}

// K1.6: the same is lost on the way to a client on the server's own host, if
// the address it asks from is not the VIP's interface's. The arrival interface of such
// a request is that of the VIP's route.
func TestK1_6_LocalClient(t *testing.T) {
	s, l := newSite(t, lab.Options{Asymmetric: true})
	s.client, s.arrivals = s.server, labtest.Capture(t, s.server, "lo")
	s.giveUpSoon(t, "eth0")
	dialAll := func(t *testing.T, local netip.Addr) (cs []*net.UDPConn) {
		for _, vip := range s.vips {
			c, err := s.client.DialUDP("udp", netip.AddrPortFrom(local, 0), netip.AddrPortFrom(vip, lab.Port))
			require.NoError(t, err)
			cs = append(cs, siteConn(t, c))
		}
		return cs
	}
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
			s.eachBare(t, func(t *testing.T, b *bareServer) {
				for i, client := range dialAll(t, tt.local) {
					vip := s.vips[i]
					s.ask(t, client)
					r := b.receive()
					require.Equal(t, &info4{ifindex: siteIndex(t, s.server, "eth0"), specDst: vip, addr: vip}, r.v4)
					echoed := b.answer(r, r.oob)
					if tt.lost {
						requireGivenUp(t, s.arrivals, client)
					} else {
						s.requireAccepted(t, client, echoed)
					}
					right := b.answer(r, info4{specDst: vip}.oob())
					s.requireAccepted(t, client, right)
					if tt.lost {
						siteNotSent(t, s.arrivals, echoed, right)
					}
				}
			}, barePktinfo4)
			s.eachDSR(t, func(t *testing.T, c *dsrudp.Conn, w dsrWay) {
				s.requireAnswered(t, c, w, dialAll(t, tt.local)...)
			})
		})
	}
}
