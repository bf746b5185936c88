//go:build linux

package lab

import (
	"fmt"
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
