package facts_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// seedBalancers are the ways to spread datagrams over backends.
var seedBalancers = []lab.Balancer{lab.ECMP, lab.Maglev}

// seedServe is the echo program of Google's document. It ends when the
// socket is closed.
func seedServe(c net.PacketConn) error {
	b := make([]byte, 1500)
	for {
		n, addr, err := c.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err == nil {
			_, err = c.WriteTo(append([]byte("ECHO: "), b[:n]...), addr)
		}
		if err != nil {
			return err
		}
	}
}

// seedEverywhere runs the program on every backend. The one line that differs
// is listen.
func seedEverywhere(t *testing.T, l *lab.Lab, listen func() (net.PacketConn, error)) {
	t.Helper()
	for _, b := range l.Backends {
		require.NoError(t, b.Do(func() error {
			c, err := listen()
			if err != nil {
				return err
			}
			ended := make(chan error, 1)
			go func() { ended <- seedServe(c) }()
			t.Cleanup(func() {
				c.Close()
				require.NoError(t, <-ended)
			})
			return nil
		}))
	}
}

// The document's scenario, with many VIPs and clients of each, over two
// backends: the naive program, and the same with one line changed.
func TestSeed_OneLineChanged(t *testing.T) {
	for _, balancer := range seedBalancers {
		for _, network := range bareNetworks {
			t.Run(string(balancer)+"/"+network, func(t *testing.T) {
				l := labtest.New(t, lab.Options{Balancer: balancer, VIPs: 8})
				require.NoError(t, l.Client.Sysctl("net.ipv4.icmp_ratelimit", "0"))
				s := &site{client: l.Client, vips: l.VIPs4, arrivals: labtest.Capture(t, l.Client, "eth0")}
				clients := append(s.dialAll(t), append(s.dialAll(t), s.dialAll(t)...)...)

				served := make(map[netip.Addr]bool) // the backends that answered
				t.Run("naive", func(t *testing.T) {
					seedEverywhere(t, l, func() (net.PacketConn, error) {
						return net.ListenUDP(network, &net.UDPAddr{Port: lab.Port})
					})
					for _, client := range clients {
						answer := "ECHO: " + s.ask(t, client)
						from := siteWaitFor(t, s.arrivals, func(p lab.Packet) bool { return !p.Outgoing && string(p.Payload) == answer })
						s.requireRejected(t, client, answer, from.Src.Addr())
						served[from.Src.Addr()] = true
					}
				})
				require.Len(t, served, 2)
				for _, b := range l.Backends {
					require.Contains(t, served, b.External4)
				}

				t.Run("dsrudp", func(t *testing.T) {
					seedEverywhere(t, l, func() (net.PacketConn, error) {
						return dsrudp.ListenUDP(network, &net.UDPAddr{Port: lab.Port})
					})
					var requests []string
					for _, client := range clients {
						requests = append(requests, s.ask(t, client))
					}
					for i, client := range clients {
						s.requireAccepted(t, client, "ECHO: "+requests[i])
					}
				})
			})
		}
	}
}

// One client port asks through several VIPs, and directly, before any request
// is answered. What the datagrams came with tells them apart.
func TestPromise4_OneClientPort(t *testing.T) {
	for _, balancer := range seedBalancers {
		t.Run(string(balancer), func(t *testing.T) {
			s, _ := newSite(t, lab.Options{Balancer: balancer, VIPs: 5})
			s.eachDSR(t, func(t *testing.T, c *dsrudp.Conn, w dsrWay) {
				clients := s.dialOnePort(t, append(s.vips, s.own)...)
				round := s.receiveAll(t, c, w, clients...)
				if w.name == dsrRemembered.name {
					// A remote address alone does not tell: the last one wins.
					require.NoError(t, round.answers[0]("to the last"))
					s.requireAccepted(t, clients[len(clients)-1], "to the last")
					require.EqualValues(t, 1, c.Stats().AmbiguousPath)
					return
				}
				round.requireAccepted(t)
				require.Zero(t, c.Stats().AmbiguousPath)
			})
			for _, network := range bareNetworks {
				t.Run("dsrudp/"+network+"/Strict", func(t *testing.T) {
					c := s.listenDSR(t, dsrudp.ListenConfig{Strict: true}, network, netip.Addr{})
					clients := s.dialOnePort(t, s.vips...)
					for _, answer := range s.receiveAll(t, c, dsrRemembered, clients...).answers {
						require.ErrorIs(t, answer("ambiguous"), dsrudp.ErrNoPath)
					}
					for _, w := range []dsrWay{dsrPacket, dsrCarried, dsrEchoed} {
						s.requireAnswered(t, c, w, clients...)
					}
				})
			}
		})
	}
}
