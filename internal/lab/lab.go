//go:build linux

package lab

import (
	"errors"
	"fmt"
	"net/netip"
)

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
	for _, h := range l.hosts() {
		errs = append(errs, h.Close())
	}
	return errors.Join(errs...)
}

// hosts returns the hosts made so far.
func (l *Lab) hosts() []*Host {
	var hs []*Host
	for _, h := range []*Host{l.Client, l.Gateway, l.Balancer, l.fabric} {
		if h != nil {
			hs = append(hs, h)
		}
	}
	for _, b := range l.Backends {
		hs = append(hs, b.Host)
	}
	return hs
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
	for _, h := range []struct {
		name string
		host **Host
	}{
		{"client", &l.Client},
		{"gateway", &l.Gateway},
		{"balancer", &l.Balancer},
		{"fabric", &l.fabric},
	} {
		if *h.host, err = newHost(h.name); err != nil {
			return err
		}
	}
	for i := range l.Options.Backends {
		h, err := newHost(fmt.Sprintf("backend%d", i+1))
		if err != nil {
			return err
		}
		l.Backends = append(l.Backends, &Backend{
			Host:      h,
			number:    firstBackend + i,
			Internal4: vpc.addr4(firstBackend + i),
			Internal6: vpc.addr6(firstBackend + i),
			External4: external.addr4(firstExternal + i),
		})
	}
	return nil
}
