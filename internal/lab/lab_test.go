//go:build linux

package lab_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// The addresses are promised to readers of the document.
func TestAddresses(t *testing.T) {
	t.Parallel()
	l := labtest.New(t, lab.Options{Backends: 3, VIPs: 3})
	require.Equal(t, "203.0.113.2", l.Client4.String())
	require.Equal(t, "2001:db8:203::2", l.Client6.String())
	require.Equal(t, "[198.51.100.2 198.51.100.101 198.51.100.102]", fmt.Sprint(l.VIPs4))
	require.Equal(t, "[2001:db8:198:51::2 2001:db8:198:51::101 2001:db8:198:51::102]", fmt.Sprint(l.VIPs6))
	for i, b := range l.Backends {
		require.Equal(t, fmt.Sprintf("backend%d", i+1), b.Name)
		require.Equal(t, fmt.Sprintf("10.128.0.%d", i+2), b.Internal4.String())
		require.Equal(t, fmt.Sprintf("198.51.100.%d", i+3), b.External4.String())
		require.Equal(t, fmt.Sprintf("2001:db8:10:128::%d", i+2), b.Internal6.String())
	}
	require.False(t, l.Prefix6.IsValid())
}

// A backend looks like the document's: the VIP in the local table, with
// protocol 66, and on no interface.
func TestBackendOwnsNoVIP(t *testing.T) {
	t.Parallel()
	l := labtest.New(t, lab.Options{})
	for _, b := range l.Backends {
		link, err := b.Link("eth0")
		require.NoError(t, err)
		require.Equal(t, lab.MTU, link.Attrs().MTU)

		var owned []string
		addrs, err := b.Netlink().AddrList(nil, netlink.FAMILY_ALL)
		require.NoError(t, err)
		for _, a := range addrs {
			owned = append(owned, a.IPNet.String())
		}
		linkLocal := "fe80::4001:aff:fe80:" + b.Internal4.String()[len("10.128.0."):] + "/64"
		require.ElementsMatch(t, []string{
			"127.0.0.1/8", "::1/128", b.Internal4.String() + "/32", b.Internal6.String() + "/128", linkLocal,
		}, owned)

		for _, f := range families {
			routes, err := b.Netlink().RouteListFiltered(netlink.FAMILY_ALL,
				&netlink.Route{Table: unix.RT_TABLE_LOCAL, Protocol: 66}, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_PROTOCOL)
			require.NoError(t, err)
			for _, vip := range f.vips(l) {
				found := 0
				for _, r := range routes {
					if ones, _ := r.Dst.Mask.Size(); r.Dst.IP.Equal(vip.AsSlice()) && ones == vip.BitLen() {
						require.Equal(t, unix.RTN_LOCAL, r.Type)
						require.Equal(t, link.Attrs().Index, r.LinkIndex)
						if vip.Is4() {
							require.Equal(t, netlink.SCOPE_HOST, r.Scope)
						}
						found++
					}
				}
				require.Equal(t, 1, found, "%v in %v", vip, routes)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		o    lab.Options
		text string
	}{
		{lab.Options{Balancer: "round robin"}, "round robin"},
		{lab.Options{Backends: -1}, "1 to 90"},
		{lab.Options{Backends: 91}, "1 to 90"},
		{lab.Options{VIPs: -1}, "1 to 150"},
		{lab.Options{VIPs: 151}, "1 to 150"},
	} {
		_, err := lab.New(tt.o)
		require.ErrorContains(t, err, tt.text)
	}
}

// The largest labs work, and no address is used twice.
func TestMaximum(t *testing.T) {
	t.Parallel()
	vips := labtest.New(t, lab.Options{Backends: 1, VIPs: 150})
	backends := labtest.New(t, lab.Options{Backends: 90, VIPs: 1})

	addrs := slices.Concat([]netip.Addr{vips.Client4, vips.Client6}, vips.VIPs4, vips.VIPs6)
	for _, b := range backends.Backends {
		addrs = append(addrs, b.Internal4, b.Internal6, b.External4)
	}
	seen := map[netip.Addr]bool{}
	for _, a := range addrs {
		require.False(t, seen[a], a)
		seen[a] = true
	}

	for _, f := range families {
		serveNaively(t, backends, f)
		last := backends.Backends[89]
		require.Equal(t, "backend90:hi", ask(t, dial(t, backends, f.external(last)), "hi"))

		vip := f.vips(vips)[149]
		serveBound(t, vips, vip)
		require.Equal(t, "backend1:hi", ask(t, dial(t, vips, vip), "hi"))
	}
}

// The document's fault: a server bound to the wildcard answers from its own
// address, the gateway makes of it the external one, and the client's kernel
// rejects it.
func TestNaiveReplyIsRejected(t *testing.T) {
	t.Parallel()
	everyLab(t, lab.Options{}, func(t *testing.T, l *lab.Lab, f family) {
		serveNaively(t, l, f)
		atClient := labtest.Capture(t, l.Client, "eth0")
		atGateway := labtest.Capture(t, l.Gateway, "vpc0")
		for _, vip := range f.vips(l) {
			c := dial(t, l, vip)
			client, server := addrPort(c.LocalAddr()), addrPort(c.RemoteAddr())
			_, err := c.Write([]byte("hi"))
			require.NoError(t, err)

			rejection, err := atClient.WaitFor(patient(t), func(p lab.Packet) bool {
				return p.Kind == lab.PortUnreachable && p.Inner.Dst == client
			})
			require.NoError(t, err)
			require.True(t, rejection.Outgoing)
			requireNothing(t, c)

			// The three packets of the conversation, at the client.
			var conversation []lab.Packet
			for _, p := range atClient.Packets() {
				if p.Src == client || p.Dst == client || p.Inner.Dst == client {
					conversation = append(conversation, p)
				}
			}
			require.Len(t, conversation, 3)
			request, reply := conversation[0], conversation[1]
			require.Equal(t, lab.Flow{Src: client, Dst: server}, request.Flow)
			require.True(t, request.Outgoing)

			b := backendOf(t, l, string(reply.Payload))
			wrong := netip.AddrPortFrom(f.external(b), lab.Port)
			require.Equal(t, lab.Flow{Src: wrong, Dst: client}, reply.Flow)
			require.False(t, reply.Outgoing)
			require.Equal(t, reply.Flow, rejection.Inner)
			require.Equal(t, wrong.Addr(), rejection.Dst.Addr())

			// Before the gateway it had the internal address.
			_, err = atGateway.WaitFor(patient(t), func(p lab.Packet) bool {
				return p.Flow == lab.Flow{Src: netip.AddrPortFrom(f.internal(b), lab.Port), Dst: client}
			})
			require.NoError(t, err)

			requireLines(t, conversation, client, server, wrong)
		}
	})
}

// requireLines compares the conversation with what tcpdump -n says of it. The
// ICMP message quotes the reply with its headers.
func requireLines(t *testing.T, conversation []lab.Packet, client, server, wrong netip.AddrPort) {
	t.Helper()
	ip := "IP"
	unreachable := fmt.Sprintf("ICMP %v udp port %d unreachable, length %d", client.Addr(), client.Port(), 8+20+8+11)
	if client.Addr().Is6() {
		ip = "IP6"
		unreachable = fmt.Sprintf("ICMP6, destination unreachable, unreachable port, %v udp port %d, length %d",
			client.Addr(), client.Port(), 8+40+8+11)
	}
	for i, want := range []string{
		fmt.Sprintf("%s %v.%d > %v.60002: UDP, length 2", ip, client.Addr(), client.Port(), server.Addr()),
		fmt.Sprintf("%s %v.60002 > %v.%d: UDP, length 11", ip, wrong.Addr(), client.Addr(), client.Port()),
		fmt.Sprintf("%s %v > %v: %s", ip, client.Addr(), wrong.Addr(), unreachable),
	} {
		moment, line, _ := strings.Cut(conversation[i].String(), " ")
		require.Equal(t, want, line)
		require.Equal(t, conversation[i].Time.UTC().Format("15:04:05.000000"), moment)
	}
}

// backendOf returns the backend that gave an answer.
func backendOf(t *testing.T, l *lab.Lab, answer string) *lab.Backend {
	t.Helper()
	name, _, _ := strings.Cut(answer, ":")
	i := slices.IndexFunc(l.Backends, func(b *lab.Backend) bool { return b.Name == name })
	require.GreaterOrEqual(t, i, 0, "answer %q", answer)
	return l.Backends[i]
}

// A server that answers from the VIP is accepted. The request reached it
// through the balancer, untouched, and the reply did not go back that way.
func TestReplyFromVIPIsAccepted(t *testing.T) {
	t.Parallel()
	everyLab(t, lab.Options{}, func(t *testing.T, l *lab.Lab, f family) {
		serveBound(t, l, f.vips(l)...)
		atBalancer := labtest.Capture(t, l.Balancer, "out0")
		var atBackend []*lab.Capture
		for _, b := range l.Backends {
			atBackend = append(atBackend, labtest.Capture(t, b.Host, "eth0"))
		}
		for _, vip := range f.vips(l) {
			c := dial(t, l, vip)
			request := lab.Flow{Src: addrPort(c.LocalAddr()), Dst: addrPort(c.RemoteAddr())}
			reply := lab.Flow{Src: request.Dst, Dst: request.Src}
			b := backendOf(t, l, ask(t, c, "hi"))
			for i, record := range atBackend {
				var want []lab.Flow
				if l.Backends[i] == b {
					want = []lab.Flow{request, reply}
				}
				require.Equal(t, want, flowsOf(c, record), "at %s", l.Backends[i].Name)
			}
			require.Equal(t, []lab.Flow{request}, flowsOf(c, atBalancer))
		}
		require.Equal(t, "0", conntrackCount(t, l.Gateway), "the gateway remembers the client")
	})
}

// conntrackCount returns the number of connections that a host keeps track of.
func conntrackCount(t *testing.T, h *lab.Host) string {
	t.Helper()
	var count []byte
	require.NoError(t, h.Do(func() (err error) {
		count, err = os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
		return err
	}))
	return strings.TrimSpace(string(count))
}

// flowsOf returns the flows of a client's datagrams in a record.
func flowsOf(c *net.UDPConn, record *lab.Capture) []lab.Flow {
	client := addrPort(c.LocalAddr())
	var flows []lab.Flow
	for _, p := range record.Packets() {
		if p.Src == client || p.Dst == client {
			flows = append(flows, p.Flow)
		}
	}
	return flows
}

// The backends' own addresses work, also for a naive server.
func TestDirect(t *testing.T) {
	t.Parallel()
	everyLab(t, lab.Options{}, func(t *testing.T, l *lab.Lab, f family) {
		serveNaively(t, l, f)
		for _, b := range l.Backends {
			require.Equal(t, b.Name+":hi", ask(t, dial(t, l, f.external(b)), "hi"))
		}
		if f.name == "IPv4" {
			require.NotEqual(t, "0", conntrackCount(t, l.Gateway))
		}
	})
}

func TestSpread(t *testing.T) {
	t.Parallel()
	everyLab(t, lab.Options{Backends: 3}, func(t *testing.T, l *lab.Lab, f family) {
		serveBound(t, l, f.vips(l)...)
		for _, vip := range f.vips(l) {
			served := map[string]int{}
			for range 64 {
				c := dial(t, l, vip)
				answer := ask(t, c, "hi")
				served[answer]++
				for range 4 {
					require.Equal(t, answer, ask(t, c, "hi"), "a flow changed its backend")
				}
			}
			require.Len(t, served, len(l.Backends), "%v", served)
		}
	})
}

// Nothing leads through the balancer in the other direction, nor does it let
// anything pass that is not for a VIP.
func TestMaglevIsOneWay(t *testing.T) {
	t.Parallel()
	l := labtest.New(t, lab.Options{Balancer: lab.Maglev})
	in, out := labtest.Capture(t, l.Balancer, "in0"), labtest.Capture(t, l.Balancer, "out0")
	send := func(h *lab.Host, dev, payload string) {
		t.Helper()
		lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			var err error
			cerr := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), dev) })
			return errors.Join(err, cerr)
		}}
		require.NoError(t, h.Do(func() error {
			c, err := lc.ListenPacket(t.Context(), "udp4", "0.0.0.0:0")
			if err != nil {
				return err
			}
			_, err = c.WriteTo([]byte(payload), &net.UDPAddr{IP: net.IPv4bcast, Port: lab.Port})
			return errors.Join(err, c.Close())
		}))
	}
	// What the second one met, the first has met before.
	for _, payload := range []string{"first", "second"} {
		send(l.Backends[0].Host, "eth0", payload)
		send(l.Gateway, "lb0", payload)
	}
	for _, record := range []*lab.Capture{in, out} {
		_, err := record.WaitFor(patient(t), func(p lab.Packet) bool { return string(p.Payload) == "second" })
		require.NoError(t, err)
		for _, p := range record.Packets() {
			require.False(t, p.Outgoing, p)
		}
	}
}

// The same ports meet the same backends in every lab.
func TestMaglevIsStable(t *testing.T) {
	t.Parallel()
	var answers [2][]string
	for i := range answers {
		l := labtest.New(t, lab.Options{Balancer: lab.Maglev})
		for _, f := range families {
			vip := f.vips(l)[0]
			serveBound(t, l, vip)
			for port := range uint16(16) {
				c, err := l.Client.DialUDP(network(vip),
					netip.AddrPortFrom(f.client(l), 40000+port), netip.AddrPortFrom(vip, lab.Port))
				require.NoError(t, err)
				answers[i] = append(answers[i], ask(t, c, "hi"))
				require.NoError(t, c.Close())
			}
		}
	}
	require.Equal(t, answers[0], answers[1])
	require.Contains(t, answers[0], "backend1:hi")
	require.Contains(t, answers[0], "backend2:hi")
}

// Replies of an asymmetric backend leave by its other interface.
func TestAsymmetric(t *testing.T) {
	t.Parallel()
	everyLab(t, lab.Options{Asymmetric: true, Backends: 1}, func(t *testing.T, l *lab.Lab, f family) {
		vip, b := f.vips(l)[0], l.Backends[0]
		serve(t, b.Host, netip.AddrPortFrom(vip, lab.Port))
		serve(t, b.Host, netip.AddrPortFrom(f.internal(b), lab.Port))
		in, out := labtest.Capture(t, b.Host, "eth0"), labtest.Capture(t, b.Host, "eth1")
		for to, from := range map[netip.Addr]netip.Addr{vip: vip, f.external(b): f.internal(b)} {
			c := dial(t, l, to)
			require.Equal(t, "backend1:hi", ask(t, c, "hi"))
			client, server := addrPort(c.LocalAddr()), netip.AddrPortFrom(from, lab.Port)
			require.Equal(t, []lab.Flow{{Src: client, Dst: server}}, flowsOf(c, in))
			require.Equal(t, []lab.Flow{{Src: server, Dst: client}}, flowsOf(c, out))
		}
	})
}

// With V6Prefix every address of the range is a VIP, by one route.
func TestPrefix(t *testing.T) {
	t.Parallel()
	everyLab(t, lab.Options{V6Prefix: true}, func(t *testing.T, l *lab.Lab, f family) {
		require.Equal(t, "2001:db8:198:51::/96", l.Prefix6.String())
		vips := f.vips(l)
		if f.name == "IPv6" {
			vips = append(slices.Clone(vips), netip.MustParseAddr("2001:db8:198:51::1234:5678"))
		}
		serveBound(t, l, vips...)
		for _, vip := range vips {
			backendOf(t, l, ask(t, dial(t, l, vip), "hi"))
		}
	})
}

// The fragments of a datagram reach the same backend, and so do those of the
// answer the client.
func TestFragments(t *testing.T) {
	t.Parallel()
	everyLab(t, lab.Options{}, testFragments)
}

func testFragments(t *testing.T, l *lab.Lab, f family) {
	vip := f.vips(l)[0]
	serveBound(t, l, vip)
	atClient := labtest.Capture(t, l.Client, "eth0")
	request := strings.Repeat("0123456789", 300)
	const flows = 16
	for range flows {
		c := dial(t, l, vip)
		_, answer, _ := strings.Cut(ask(t, c, request), ":")
		require.Equal(t, request, answer)
	}
	var first, later int
	for _, p := range atClient.Packets() {
		switch {
		case p.Kind == lab.UDP && p.Outgoing:
			first++
			require.Equal(t, len(request), p.Length)
			require.Less(t, len(p.Payload), lab.MTU)
		case p.Kind == lab.Fragment && p.Outgoing:
			later++
			require.Equal(t, lab.Flow{Src: netip.AddrPortFrom(f.client(l), 0), Dst: netip.AddrPortFrom(vip, 0)}, p.Flow)
			require.Regexp(t, `: (ip-proto-17|frag \(\d+\|\d+\))$`, p.String())
		}
	}
	require.Equal(t, flows, first)
	require.Equal(t, 2*flows, later)
}
