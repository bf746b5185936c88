package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A k8Obstacle keeps datagrams of the server from an address behind the
// client, and takes itself away again.
type k8Obstacle struct {
	name  string
	errno error
	put   func(t *testing.T, d *duo, to netip.Addr) (remove func())
}

var k8Obstacles = []k8Obstacle{
	{"netfilter", unix.EPERM, k8Drop},
	{"no route", unix.ENETUNREACH, k8NoRoute},
	{"unreachable", unix.EHOSTUNREACH, k8Route(unix.RTN_UNREACHABLE)},
	{"prohibit", unix.EACCES, k8Route(unix.RTN_PROHIBIT)},
	{"blackhole", unix.EINVAL, k8Route(unix.RTN_BLACKHOLE)},
}

// Addresses behind the client, on its loopback interface, and the networks by
// which the server has a route to them.
var (
	k8Far4, k8Far4Net = netip.MustParseAddr("203.0.113.7"), netip.MustParsePrefix("203.0.113.0/24")
	k8Far6, k8Far6Net = netip.MustParseAddr("2001:db8:77::7"), netip.MustParsePrefix("2001:db8:77::/64")
)

// addFar makes the far addresses reachable.
func (d *duo) addFar(t *testing.T) {
	t.Helper()
	for _, a := range []netip.Addr{k8Far4, k8Far6} {
		require.NoError(t, d.client.AddAddr("lo", netip.PrefixFrom(a, a.BitLen())))
		p, via := k8FarRoute(a)
		require.NoError(t, d.server.AddRoute(p, via, duoDev))
	}
}

func k8FarRoute(a netip.Addr) (p netip.Prefix, via netip.Addr) {
	if a.Is4() {
		return k8Far4Net, duoClient4
	}
	return k8Far6Net, duoClient6
}

func k8NoRoute(t *testing.T, d *duo, to netip.Addr) func() {
	p, via := k8FarRoute(to)
	require.NoError(t, d.server.DelRoute(p, via, duoDev))
	return func() { require.NoError(t, d.server.AddRoute(p, via, duoDev)) }
}

// k8Route enters a route of the type for the one address.
func k8Route(kind int) func(t *testing.T, d *duo, to netip.Addr) func() {
	return func(t *testing.T, d *duo, to netip.Addr) func() {
		r := &netlink.Route{
			Dst:  &net.IPNet{IP: to.AsSlice(), Mask: net.CIDRMask(to.BitLen(), to.BitLen())},
			Type: kind, Table: unix.RT_TABLE_MAIN,
		}
		if to.Is6() {
			r.LinkIndex = siteIndex(t, d.server, "lo") // where the kernel files it
		}
		require.NoError(t, d.server.Netlink().RouteAdd(r))
		return func() { require.NoError(t, d.server.Netlink().RouteDel(r)) }
	}
}

// k8Drop has the packet filter drop what goes out to an address.
func k8Drop(t *testing.T, d *duo, to netip.Addr) func() {
	nft, err := d.server.Nftables()
	require.NoError(t, err)
	family, offset := nftables.TableFamilyIPv4, uint32(16) // of the destination in the header
	if to.Is6() {
		family, offset = nftables.TableFamilyIPv6, 24
	}
	table := nft.AddTable(&nftables.Table{Name: "facts", Family: family})
	chain := nft.AddChain(&nftables.Chain{
		Name: "out", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter,
	})
	nft.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(to.BitLen() / 8)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: to.AsSlice()},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}})
	require.NoError(t, nft.Flush())
	return func() {
		nft.DelTable(table)
		require.NoError(t, nft.Flush())
	}
}

// K8.3: errors that have nothing to do with the source, though some of them
// (EINVAL, ENETUNREACH) are those of a wrong source too. They come back as they
// are, a wrong source is told apart, and other clients are not concerned.
func TestK8_3_ErrorsOfTheWay(t *testing.T) {
	d := newDuo(t)
	d.addFar(t)
	for _, p := range k8Peers {
		far, foreign := k8Far4, netip.MustParseAddr("198.51.100.99")
		if p.a.Is6() {
			far, foreign = k8Far6, netip.MustParseAddr("2001:db8:bad::1")
		}
		for _, o := range k8Obstacles {
			for _, network := range p.networks {
				t.Run("bare/"+o.name+"/"+p.name+"/"+network, func(t *testing.T) {
					b, client := d.listen(t, network, netip.Addr{}, k8Freebind), d.dialFrom(t, far, p.vips[0])
					d.ask(t, client)
					r := b.receive()
					remove := o.put(t, d, far)
					defer remove()
					for _, oob := range [][]byte{nil, k8Source(p.vips[0])} {
						_, err := b.tryAnswer(r, oob)
						require.ErrorIs(t, err, o.errno)
					}
				})
				t.Run("dsrudp/"+o.name+"/"+p.name+"/"+network, func(t *testing.T) {
					for _, w := range guardWays {
						d.requireErrno(t, w, o, network, [2]netip.Addr{far, p.b}, p.vips, foreign)
					}
				})
			}
		}
	}
}

// requireErrno has two clients ask, one of whom cannot be reached when they are
// answered.
func (d *duo) requireErrno(t *testing.T, w dsrWay, o k8Obstacle, network string, clients [2]netip.Addr, vips []netip.Addr, foreign netip.Addr) {
	t.Helper()
	c := d.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
	defer c.Close()
	a, b := d.dialFrom(t, clients[0], vips[0]), d.dialFrom(t, clients[1], vips[1])
	d.ask(t, a)
	toA, err := w.receive(c)
	require.NoError(t, err)
	d.ask(t, b)
	toB, err := w.receive(c)
	require.NoError(t, err)

	remove := o.put(t, d, clients[0])
	err = toA.answer("does not leave")
	require.ErrorIs(t, err, o.errno)
	require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "write", op.Op)
	require.Zero(t, c.Stats().Refused)
	require.NoError(t, toB.answer("the other's answer"))
	d.requireAccepted(t, b, "the other's answer")

	path := dsrudp.Path{Local: netip.AddrPortFrom(foreign, lab.Port), Remote: siteAddr(a.LocalAddr())}
	_, err = c.WriteToPath([]byte("not from there either"), path)
	dsrNotLocal(t, err)
	require.EqualValues(t, 1, c.Stats().Refused)
	require.NoError(t, toB.answer("the other's second answer"))
	d.requireAccepted(t, b, "the other's second answer")

	remove()
	require.NoError(t, toA.answer("after all"))
	d.requireAccepted(t, a, "after all")
}
