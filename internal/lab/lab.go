//go:build linux

package lab

import (
	"errors"
	"fmt"
	"net/netip"
)

// Balancer names a way to spread datagrams over the backends. Either leaves
// the ports out for fragments, all of them, so that the fragments of one
// datagram stay together; real balancers that hash ports may part them.
type Balancer string

const (
	// ECMP is a router (layer 3): a multipath route whose next hop is chosen
	// by a hash of addresses and ports (fib_multipath_hash_policy=1).
	ECMP Balancer = "ecmp"

	// Maglev is a bridge (layer 2): an nftables rule rewrites the destination
	// of the Ethernet frame to the backend chosen by a hash of addresses and
	// ports, and leaves the packet in it alone.
	Maglev Balancer = "maglev"
)

// Options describes the lab that [New] builds. The zero value is a lab with an
// ECMP balancer, two backends, and two VIPs in each family.
type Options struct {
	// Balancer is ECMP or Maglev; empty means ECMP. The choice changes no
	// address.
	Balancer Balancer

	// Backends is the number of backends, at most 90; zero means 2.
	Backends int

	// VIPs is the number of VIPs in each family, at most 150; zero means 2.
	VIPs int

	// V6Prefix gives the backends the IPv6 VIPs as one local route to a /96
	// range, Lab.Prefix6, instead of one route for each. The balancer then
	// takes the whole range, and every address in it is a VIP.
	V6Prefix bool

	// Asymmetric gives every backend a second interface, eth1, in a network of
	// its own, and the default route through it. Requests come in through eth0
	// as before, replies leave through eth1. The naive source address stays
	// the internal one, that of eth0.
	Asymmetric bool
}

// The addresses of a family's VIPs and of the backends' external addresses
// share one /24, which bounds their number.
const (
	maxBackends = 90
	maxVIPs     = 150
)

// withDefaults returns o with zero values replaced, or says what is wrong in it.
func (o Options) withDefaults() (Options, error) {
	if o.Balancer == "" {
		o.Balancer = ECMP
	}
	if o.Backends == 0 {
		o.Backends = 2
	}
	if o.VIPs == 0 {
		o.VIPs = 2
	}
	switch {
	case o.Balancer != ECMP && o.Balancer != Maglev:
		return o, fmt.Errorf("lab: unknown balancer %q: it is %q or %q", o.Balancer, ECMP, Maglev)
	case o.Backends < 1 || o.Backends > maxBackends:
		return o, fmt.Errorf("lab: %d backends: there can be 1 to %d", o.Backends, maxBackends)
	case o.VIPs < 1 || o.VIPs > maxVIPs:
		return o, fmt.Errorf("lab: %d VIPs: there can be 1 to %d", o.VIPs, maxVIPs)
	}
	return o, nil
}

// A Lab is the network that [New] built. The addresses are the same in every
// lab; the package documentation draws them.
type Lab struct {
	// Options are those New was given, with zero values replaced.
	Options Options

	// Client is the machine on the internet; its interface is eth0.
	Client *Host

	// Gateway routes between the internet (interface client0) and the
	// backends (vpc0, and egress0 if the lab is asymmetric), and hands what is
	// for a VIP to the balancer (lb0).
	Gateway *Host

	// Balancer takes datagrams for VIPs in at in0 and sends them out of out0.
	Balancer *Host

	// Backends are the servers' machines.
	Backends []*Backend

	// Client4 and Client6 are the client's addresses.
	Client4, Client6 netip.Addr

	// VIPs4 and VIPs6 are the balancer's addresses, as many of each.
	VIPs4, VIPs6 []netip.Addr

	// Prefix6 is the range of the IPv6 VIPs if Options.V6Prefix is set, and
	// else the zero Prefix.
	Prefix6 netip.Prefix

	// fabric has the bridges that join gateway, balancer and backends.
	fabric *Host

	hosts []*Host // all of them
}

// A Backend is a host behind the balancer. Its interface eth0 has the internal
// addresses alone; the VIPs are local routes.
type Backend struct {
	*Host

	// Internal4 and Internal6 are the addresses of eth0.
	Internal4, Internal6 netip.Addr

	// External4 is what the gateway translates Internal4 to on the way to the
	// internet, and what a client reaches this backend by directly. IPv6 is
	// not translated.
	External4 netip.Addr

	number int // of the host in vpc and egress
}

// New builds a lab. It takes some tens of milliseconds, and labs may be built
// and used side by side. An error matches [ErrUnavailable] where namespaces
// are not to be had, or the program did not begin with [Main].
func New(o Options) (*Lab, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := Available(); err != nil {
		return nil, err
	}
	l := &Lab{
		Options: o,
		Client4: internet.addr4(clientNumber),
		Client6: internet.addr6(clientNumber),
	}
	for i := range o.VIPs {
		l.VIPs4 = append(l.VIPs4, external.addr4(vipNumber(i)))
		l.VIPs6 = append(l.VIPs6, external.addr6(vipNumber(i)))
	}
	if o.V6Prefix {
		l.Prefix6 = netip.PrefixFrom(l.VIPs6[0], 96).Masked()
	}
	if err := l.build(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close ends the lab. Sockets, captures and processes in it are the caller's
// to end, before or after.
func (l *Lab) Close() error {
	var errs []error
	for _, h := range l.hosts {
		errs = append(errs, h.Close())
	}
	return errors.Join(errs...)
}

// vipRoutes returns the destinations by which the VIPs are routed.
func (l *Lab) vipRoutes() []netip.Prefix {
	var ps []netip.Prefix
	for _, v := range l.VIPs4 {
		ps = append(ps, single(v))
	}
	if l.Prefix6.IsValid() {
		return append(ps, l.Prefix6)
	}
	for _, v := range l.VIPs6 {
		ps = append(ps, single(v))
	}
	return ps
}

// addHosts makes the hosts, not yet joined.
func (l *Lab) addHosts() (err error) {
	add := func(name string) *Host {
		if err != nil {
			return nil
		}
		var h *Host
		if h, err = newHost(name); err == nil {
			l.hosts = append(l.hosts, h)
		}
		return h
	}
	l.Client, l.Gateway, l.Balancer, l.fabric = add("client"), add("gateway"), add("balancer"), add("fabric")
	for i := range l.Options.Backends {
		l.Backends = append(l.Backends, &Backend{
			Host:      add(fmt.Sprintf("backend%d", i+1)),
			number:    firstBackend + i,
			Internal4: vpc.addr4(firstBackend + i),
			Internal6: vpc.addr6(firstBackend + i),
			External4: external.addr4(firstExternal + i),
		})
	}
	return err
}
