//go:build linux

package lab

// Forwarding, in both families.
var forwarding = []string{
	"net.ipv4.ip_forward", "1",
	"net.ipv6.conf.all.forwarding", "1",
}

func (l *Lab) setUpClient() error {
	c := l.client()
	if err := c.addAddrs(); err != nil {
		return err
	}
	if err := c.know(l.gatewayClient()); err != nil {
		return err
	}
	return c.leaveThrough(l.gatewayClient(), c)
}

func (l *Lab) setUpGateway() error {
	if err := l.Gateway.sysctls(forwarding...); err != nil {
		return err
	}
	ports := []port{l.gatewayClient(), l.gatewayFeed(), l.gatewayVPC()}
	neighbours := [][2]port{
		{l.gatewayClient(), l.client()},
		{l.gatewayFeed(), l.balancerIn()},
	}
	for _, b := range l.Backends {
		neighbours = append(neighbours, [2]port{l.gatewayVPC(), b.ingress()})
	}
	if l.Options.Asymmetric {
		ports = append(ports, l.gatewayEgress())
		for _, b := range l.Backends {
			neighbours = append(neighbours, [2]port{l.gatewayEgress(), b.egress()})
		}
	}
	for _, p := range ports {
		if err := p.addAddrs(); err != nil {
			return err
		}
	}
	for _, n := range neighbours {
		if err := n[0].know(n[1]); err != nil {
			return err
		}
	}
	balancer := l.balancerIn().addrs()
	for _, p := range l.vipRoutes() {
		via := balancer[0]
		if p.Addr().Is6() {
			via = balancer[1]
		}
		if err := l.Gateway.AddRoute(p, via, l.gatewayFeed().dev); err != nil {
			return err
		}
	}
	return l.addNAT()
}

func (l *Lab) setUpBackends() error {
	for _, b := range l.Backends {
		in := b.ingress()
		if err := in.join(l.gatewayVPC()); err != nil {
			return err
		}
		out, gateway := in, l.gatewayVPC()
		if l.Options.Asymmetric {
			out, gateway = b.egress(), l.gatewayEgress()
			if err := out.join(gateway); err != nil {
				return err
			}
		}
		if err := out.leaveThrough(gateway, in); err != nil {
			return err
		}
		for _, p := range l.vipRoutes() {
			if err := b.AddLocalRoute(p, in.dev); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Lab) setUpBalancer() error {
	if l.Options.Balancer == Maglev {
		return l.setUpMaglev()
	}
	return l.setUpECMP()
}
