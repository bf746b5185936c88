package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// k8Peers are the client's addresses and the VIPs of a family.
var k8Peers = []struct {
	name     string
	networks []string
	a, b     netip.Addr // of the client
	vips     []netip.Addr
}{
	{"IPv4", []string{"udp4", "udp"}, duoClient4, duoClient4B, duoVIPs4},
	{"IPv6", []string{"udp6", "udp"}, duoClient6, duoClient6B, duoVIPs6},
}

// K8.2: an ICMP error is not told to an unconnected socket. With IP_RECVERR it
// is, by the next send, whoever that is to, and its datagram is not sent: one
// client that has gone keeps an answer from another.
func TestK8_2_ICMPOfAnotherClient(t *testing.T) {
	d := newDuo(t)
	// goneClient has a client ask, and go.
	goneClient := func(t *testing.T, from, vip netip.Addr) {
		t.Helper()
		a := d.dialFrom(t, from, vip)
		d.ask(t, a)
		require.NoError(t, a.Close())
	}
	// rejected waits until the ICMP error for an answer is with the server. What
	// the server receives later its kernel processes later.
	rejected := func(t *testing.T, to netip.AddrPort) {
		t.Helper()
		siteWaitFor(t, d.wire, func(p lab.Packet) bool {
			return !p.Outgoing && p.Kind == lab.PortUnreachable && p.Inner.Dst == to
		})
	}
	for _, p := range k8Peers {
		for _, network := range p.networks {
			t.Run("bare/"+p.name+"/"+network, func(t *testing.T) {
				b := d.listen(t, network, netip.Addr{}, k8Freebind, bareOn(unix.IPPROTO_IP, unix.IP_RECVERR), k8RecvErr6(network))
				other := d.dialFrom(t, p.b, p.vips[1])
				d.ask(t, other)
				ask := b.receive()
				goneClient(t, p.a, p.vips[0])
				gone := b.receive()
				b.answer(gone, k8Source(p.vips[0]))
				rejected(t, k8Unmap(gone.from))
				duoSoon(t, "the error is queued", func() bool { return k8PendingError(t, b.UDPConn) })

				lost, err := b.tryAnswer(ask, k8Source(p.vips[1]))
				require.ErrorIs(t, err, unix.ECONNREFUSED)
				d.requireSilence(t, lost)
				d.requireAccepted(t, other, b.answer(ask, k8Source(p.vips[1])))
			})
			t.Run("dsrudp/"+p.name+"/"+network, func(t *testing.T) {
				for _, w := range guardWays {
					c := d.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
					for _, o := range [][2]int{{unix.IPPROTO_IP, unix.IP_RECVERR}, {unix.IPPROTO_IPV6, unix.IPV6_RECVERR}} {
						if network != "udp4" || o[0] == unix.IPPROTO_IP {
							require.Zero(t, bareValue(t, c, o[0], o[1]))
						}
					}
					goneClient(t, p.a, p.vips[0])
					gone, err := w.receive(c)
					require.NoError(t, err)
					for range 3 {
						answer := duoPayload("to nobody")
						require.NoError(t, gone.answer(answer))
						sent := siteSent(t, d.wire, answer)
						rejected(t, sent.Dst)
						d.requireAnswered(t, c, w, d.dialFrom(t, p.b, p.vips[1]), d.dialFrom(t, p.a, p.vips[0]))
					}
					require.NoError(t, c.Close())
				}
			})
		}
	}
}

func k8RecvErr6(network string) bareOption {
	if network == "udp4" {
		return func(int) error { return nil }
	}
	return bareOn(unix.IPPROTO_IPV6, unix.IPV6_RECVERR)
}

func k8Unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// k8PendingError reports whether an error waits for the next call.
func k8PendingError(t *testing.T, u *net.UDPConn) bool {
	t.Helper()
	raw, err := u.SyscallConn()
	require.NoError(t, err)
	var poll [1]unix.PollFd
	require.NoError(t, raw.Control(func(fd uintptr) {
		poll[0].Fd = int32(fd)
		_, err = unix.Poll(poll[:], 0)
	}))
	require.NoError(t, err)
	return poll[0].Revents&unix.POLLERR != 0
}
