//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A pair is a server and a client at the two ends of one cable, for what other
// hosts on the way would only blur.
type pair struct {
	client, server *lab.Host
	running        []func() // ends what runs on them
}

const pairDev = "eth0" // at either end

// The addresses of a pair. Its VIP is the first of a lab.
var (
	pairNet       = netip.MustParsePrefix("192.0.2.0/24")
	pairServer    = netip.MustParseAddr("192.0.2.1")
	pairClient    = netip.MustParseAddr("192.0.2.2")
	pairBroadcast = netip.MustParseAddr("192.0.2.255")
	pairVIP       = lab.FirstVIP4
	everywhere4   = netip.MustParsePrefix("0.0.0.0/0")
)

// pairTarget returns where a repair is asked: no answer of the naive program's is
// right but at the machine's own address.
func pairTarget(r Repair) netip.Addr {
	if r.ID == None {
		return pairServer
	}
	return pairVIP
}

func newPair() (p *pair, err error) {
	p = new(pair)
	if p.client, err = lab.NewHost("client"); err != nil {
		return p, err
	}
	if p.server, err = lab.NewHost("server"); err != nil {
		return p, err
	}
	if err := lab.Connect(p.client, pairDev, p.server, pairDev); err != nil {
		return p, err
	}
	for _, end := range []struct {
		host, peer *lab.Host
		own, other netip.Addr
	}{
		{p.client, p.server, pairClient, pairServer},
		{p.server, p.client, pairServer, pairClient},
	} {
		if err := end.host.AddAddr(pairDev, netip.PrefixFrom(end.own, pairNet.Bits())); err != nil {
			return p, err
		}
		// No neighbour has to be asked for, so that no datagram waits for it.
		l, err := end.peer.Link(pairDev)
		if err != nil {
			return p, err
		}
		if err := end.host.AddNeighbor(pairDev, end.other, l.Attrs().HardwareAddr); err != nil {
			return p, err
		}
		if err := end.host.AddRoute(everywhere4, end.other, pairDev); err != nil {
			return p, err
		}
	}
	return p, p.server.AddLocalRoute(netip.PrefixFrom(pairVIP, pairVIP.BitLen()), pairDev)
}

// Close ends what runs on the hosts, and removes them.
func (p *pair) Close() error {
	for _, end := range p.running {
		end()
	}
	var errs []error
	for _, h := range []*lab.Host{p.client, p.server} {
		if h != nil {
			errs = append(errs, h.Close())
		}
	}
	return errors.Join(errs...)
}

// A clientSet is so many addresses of a pair's client that each datagram can be from a
// client of its own. One route makes them local, so that a socket on the wildcard
// address sends from any of them and receives for all.
type clientSet struct {
	*pair
	to   *net.UDPAddr
	conn *ipv4.PacketConn
}

var clientNet = netip.MustParsePrefix("100.64.0.0/14")

const (
	maxClients   = 1 << 18 // addresses in clientNet
	clientWindow = 128     // requests on their way, for which the server's socket has room
	clientBound  = 5 * time.Second
)

func newClientSet(p *pair, to netip.AddrPort) (*clientSet, error) {
	if err := p.client.AddLocalRoute(clientNet, "lo"); err != nil {
		return nil, err
	}
	c := &clientSet{pair: p, to: net.UDPAddrFromAddrPort(to)}
	return c, p.client.Do(func() error {
		u, err := net.ListenPacket("udp4", ":0")
		if err == nil {
			c.conn = ipv4.NewPacketConn(u)
			p.running = append(p.running, func() { u.Close() })
		}
		return err
	})
}

// ask has the clients from first up to last send a request each, all of which must
// be answered.
func (c *clientSet) ask(ctx context.Context, first, last int) error {
	in, out := make([]ipv4.Message, clientWindow), make([]ipv4.Message, clientWindow)
	for i := range in {
		in[i].Buffers = [][]byte{make([]byte, 256)}
	}
	for ; first < last; first += clientWindow {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n := min(clientWindow, last-first)
		for i := range n {
			k, a := first+i, clientNet.Addr().As4()
			a[1], a[2], a[3] = a[1]+byte(k>>16), byte(k>>8), byte(k)
			src := ipv4.ControlMessage{Src: a[:]}
			out[i] = ipv4.Message{Buffers: [][]byte{[]byte("request")}, OOB: src.Marshal(), Addr: c.to}
		}
		err := c.conn.SetDeadline(time.Now().Add(clientBound))
		if err == nil {
			err = all(n, func(done int) (int, error) { return c.conn.WriteBatch(out[done:n], 0) })
		}
		if err == nil {
			err = all(n, func(done int) (int, error) { return c.conn.ReadBatch(in[:n-done], 0) })
		}
		if err != nil {
			return fmt.Errorf("compare: asking as clients %d to %d: %w", first, first+n, err)
		}
	}
	return nil
}

// all repeats what does a part of n until all is done.
func all(n int, some func(done int) (int, error)) error {
	for done := 0; done < n; {
		k, err := some(done)
		if err != nil {
			return err
		}
		done += k
	}
	return nil
}

// addRule adds a rule to a chain of a table, both of which it adds to a host.
func addRule(h *lab.Host, family nftables.TableFamily, table string, chain nftables.Chain, rule ...expr.Any) error {
	c, err := h.Nftables()
	if err != nil {
		return err
	}
	chain.Table, chain.Type = c.AddTable(&nftables.Table{Family: family, Name: table}), nftables.ChainTypeFilter
	c.AddRule(&nftables.Rule{Table: chain.Table, Chain: c.AddChain(&chain), Exprs: rule})
	if err := c.Flush(); err != nil {
		return fmt.Errorf("compare: a rule of table %s on %s: %w", table, h.Name, err)
	}
	return nil
}

// udpPort matches UDP datagrams from the server's port, or for it.
func udpPort(source bool) []expr.Any {
	offset := uint32(2) // in the header of UDP
	if source {
		offset = 0
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{syscall.IPPROTO_UDP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(echo.Port)},
	}
}

// dropTable is of the rule that drop adds.
const dropTable = "drop"

// drop has a host of a pair count and drop UDP datagrams as soon as they come out of
// the cable, before IP looks at them: those from the server's port at the address or,
// if that is the zero Addr, those for that port. Others, such as the housekeeping of
// IPv6, pass.
func drop(h *lab.Host, from netip.Addr) error {
	var rule []expr.Any
	if from.IsValid() {
		rule = []expr.Any{
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: from.AsSlice()},
		}
	}
	rule = append(append(rule, udpPort(from.IsValid())...), &expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop})
	return addRule(h, nftables.TableFamilyNetdev, dropTable, nftables.Chain{
		Name: "in", Device: pairDev, Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityFilter,
	}, rule...)
}

// stopDropping removes the rule of drop, and returns how many datagrams it dropped.
func stopDropping(h *lab.Host) (dropped uint64, err error) {
	c, err := h.Nftables()
	if err != nil {
		return 0, err
	}
	table := &nftables.Table{Family: nftables.TableFamilyNetdev, Name: dropTable}
	rules, err := c.GetRules(table, &nftables.Chain{Table: table, Name: "in"})
	if err != nil || len(rules) != 1 {
		return 0, errors.Join(err, fmt.Errorf("compare: %d rules that drop on %s, not one", len(rules), h.Name))
	}
	for _, e := range rules[0].Exprs {
		if counter, ok := e.(*expr.Counter); ok {
			dropped = counter.Packets
		}
	}
	c.DelTable(table)
	return dropped, c.Flush()
}

// firewall is the table of the rule that track adds.
const firewall = "firewall"

// track adds a rule for which the host has to track all connections, as firewalls
// have it: ct state new,established accept.
func track(h *lab.Host) error {
	return addRule(h, nftables.TableFamilyIPv4, firewall, nftables.Chain{
		Name: "input", Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter,
	},
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitNEW | expr.CtStateBitESTABLISHED),
			Xor:  binaryutil.NativeEndian.PutUint32(0),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(0)},
		&expr.Verdict{Kind: expr.VerdictAccept})
}

// exempt has the host not track what comes for the server's port and leaves from it:
// udp dport 60002 notrack, and udp sport 60002 notrack.
func exempt(h *lab.Host) error {
	before, after := nftables.Chain{Name: "prerouting", Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityRaw},
		nftables.Chain{Name: "output", Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityRaw}
	return errors.Join(
		addRule(h, nftables.TableFamilyIPv4, "exempt", before, append(udpPort(false), &expr.Notrack{})...),
		addRule(h, nftables.TableFamilyIPv4, "exempt", after, append(udpPort(true), &expr.Notrack{})...))
}

// rememberClients has a host's kernel forget no client of a clientSet before the last
// has come.
func rememberClients(h *lab.Host) error {
	return errors.Join(h.Sysctl("net.netfilter.nf_conntrack_udp_timeout", "600"),
		h.Sysctl("net.netfilter.nf_conntrack_udp_timeout_stream", "600"))
}
