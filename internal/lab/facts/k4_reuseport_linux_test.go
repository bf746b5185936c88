package facts_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// K4.2: in a SO_REUSEPORT group of wildcard sockets the kernel chooses the one
// by the client's address and port alone: all its VIPs come to one socket.
func TestK4_2_ReusePortGroup(t *testing.T) {
	const sockets = 4
	s, _ := newSite(t, lab.Options{})
	for _, network := range bareNetworks {
		t.Run("bare/"+network, func(t *testing.T) {
			var reads []func() (string, error)
			for range sockets {
				b := s.listen(t, network, netip.Addr{}, bareReuse)
				reads = append(reads, func() (string, error) {
					payload := make([]byte, 2048)
					n, _, err := b.ReadFromUDPAddrPort(payload)
					return string(payload[:n]), err
				})
			}
			s.requireOneSocketEach(t, reads)
		})
		t.Run("dsrudp/"+network, func(t *testing.T) {
			lc := dsrudp.ListenConfig{}
			var conns []*dsrudp.Conn
			require.NoError(t, s.server.Do(func() (err error) {
				conns, err = lc.ListenN(t.Context(), network, siteAddress(netip.Addr{}), sockets)
				return err
			}))
			var reads []func() (string, error)
			for i, c := range conns {
				w := dsrWays[i%len(dsrWays)]
				siteConn(t, c)
				reads = append(reads, func() (string, error) {
					r, err := w.receive(c)
					if err == nil {
						err = r.answer("answer to " + r.payload)
					}
					return r.payload, err
				})
			}
			for client, request := range s.requireOneSocketEach(t, reads) {
				s.requireAccepted(t, client, "answer to "+request)
			}
		})
	}
}

// requireOneSocketEach has clients ask both VIPs from one port each, and requires
// that the requests of one port come to one of the sockets, and that not all
// come to the same. It returns the request of each client.
func (s *site) requireOneSocketEach(t *testing.T, reads []func() (string, error)) map[*net.UDPConn]string {
	t.Helper()
	type arrival struct {
		socket  int
		payload string
		err     error
	}
	arrivals := make(chan arrival)
	for i, read := range reads {
		go func() {
			for {
				payload, err := read()
				select {
				case arrivals <- arrival{i, payload, err}:
				case <-t.Context().Done():
					return // to end the test closes the sockets
				}
			}
		}()
	}
	requests, sockets := make(map[*net.UDPConn]string), make(map[int]bool)
	for range 16 {
		first := -1
		for _, client := range s.dialOnePort(t, s.vips...) {
			request := s.ask(t, client)
			requests[client] = request
			got := <-arrivals
			require.NoError(t, got.err)
			require.Equal(t, request, got.payload)
			if first < 0 {
				first = got.socket
			}
			require.Equal(t, first, got.socket)
		}
		sockets[first] = true
	}
	require.Greater(t, len(sockets), 1)
	return requests
}

// K4.3: a socket bound to a VIP gets its datagrams before one that is bound to
// the wildcard, whichever was there first.
func TestK4_3_SpecificBeatsWildcard(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	bound, other := s.vips[0], s.vips[1]
	for _, network := range bareNetworks {
		for _, wildcardFirst := range []bool{true, false} {
			addrs := []netip.Addr{bound, {}}
			order := "/VIP first"
			if wildcardFirst {
				slices.Reverse(addrs)
				order = "/wildcard first"
			}
			t.Run("bare/"+network+order, func(t *testing.T) {
				servers := make(map[netip.Addr]*bareServer)
				for _, a := range addrs {
					servers[a] = s.listen(t, network, a, bareReuse)
				}
				for range 3 {
					request := s.ask(t, s.dial(t, bound))
					require.Equal(t, request, servers[bound].receive().payload)
					request = s.ask(t, s.dial(t, other))
					require.Equal(t, request, servers[netip.Addr{}].receive().payload)
				}
			})
			t.Run("dsrudp/"+network+order, func(t *testing.T) {
				conns := make(map[netip.Addr]*dsrudp.Conn)
				for _, a := range addrs {
					conns[a] = s.listenDSR(t, dsrudp.ListenConfig{ReusePort: true}, network, a)
				}
				for _, w := range dsrWays {
					s.requireAnswered(t, conns[bound], w, s.dial(t, bound), s.dial(t, bound))
					s.requireAnswered(t, conns[netip.Addr{}], w, s.dial(t, other), s.dial(t, other))
				}
			})
		}
	}
}
