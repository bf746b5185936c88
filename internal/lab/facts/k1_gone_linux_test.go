package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

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
				t.Cleanup(func() { require.NoError(t, siteIgnore(s.server.Netlink().LinkDel(link), unix.ENODEV)) })
				return link
			}
			s.eachBare(t, func(t *testing.T, b *bareServer) {
				link := arrive(t)
				var requests []bareRequest
				clients := s.dialAll(t)
				for _, client := range clients {
					s.ask(t, client)
					requests = append(requests, b.receive())
				}
				require.NoError(t, tt.lose(s.server, link))
				for i, r := range requests {
					require.Equal(t, link.Attrs().Index, r.v4.ifindex)
					_, err := b.tryAnswer(r, r.oob)
					require.ErrorIs(t, err, tt.errno)
					s.requireAccepted(t, clients[i], b.answer(r, info4{specDst: s.vips[i]}.oob()))
				}
			}, barePktinfo4)
			s.eachDSR(t, func(t *testing.T, c *dsrudp.Conn, w dsrWay) {
				link := arrive(t)
				round := s.receiveAll(t, c, w, s.dialAll(t)...)
				require.NoError(t, tt.lose(s.server, link))
				round.requireAccepted(t)
			})
		})
	}
}

// dsrudp leaves out an interface only where it stands beside a source. A server
// that gives no source, or sends to a group, means the way out.
func TestPromise2_InterfaceWithoutSource(t *testing.T) {
	s, _ := newSite(t, lab.Options{Asymmetric: true})
	group := netip.AddrPortFrom(netip.MustParseAddr("239.1.2.3"), 9)
	everyone := netip.AddrPortFrom(netip.MustParseAddr("255.255.255.255"), 9)
	for _, dev := range []string{"eth0", "eth1"} {
		out, index := labtest.Capture(t, s.server, dev), siteIndex(t, s.server, dev)
		for _, network := range bareNetworks {
			for _, tt := range []struct {
				name string
				info info4
				to   netip.AddrPort
			}{
				{"broadcast", info4{ifindex: index}, everyone},
				{"multicast", info4{ifindex: index}, group},
				{"multicast from the VIP", info4{ifindex: index, specDst: s.vips[0]}, group},
				{"broadcast from the VIP", info4{ifindex: index, specDst: s.vips[1]}, everyone},
			} {
				t.Run(dev+"/"+network+"/"+tt.name, func(t *testing.T) {
					c := s.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
					_, _, err := c.WriteMsgUDPAddrPort([]byte(t.Name()), tt.info.oob(), tt.to)
					require.NoError(t, err)
					p := siteSent(t, out, t.Name())
					require.Equal(t, tt.to, p.Dst)
					if tt.info.specDst.IsValid() {
						require.Equal(t, tt.info.specDst, p.Src.Addr())
					}
				})
			}
		}
	}
}
