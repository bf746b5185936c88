package facts_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// K4.1: a socket bound to the VIP needs no control message, and one without a
// source overrides what it is bound to. One that was bound elsewhere is adopted as it is.
func TestK4_1_BoundToVIP(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	noSource := []info4{{}, {ifindex: index(t, s.server, dev)}}
	t.Run("bare", func(t *testing.T) {
		for _, vip := range s.vips {
			b, client := s.listen(t, "udp4", vip), s.dial(t, vip)
			r := b.asked(client)
			for _, i := range noSource {
				s.requireRejected(t, client, b.answer(r, i.oob()), s.own)
			}
			requireAccepted(t, client, b.answer(r, nil))
			requireAccepted(t, client, b.answer(r, source(vip)))
		}
	})
	for name, open := range map[string]func(t *testing.T, vip netip.Addr) *dsrudp.Conn{
		"listening": func(t *testing.T, vip netip.Addr) *dsrudp.Conn { return s.conn(t, dsrudp.ListenConfig{}, "udp", vip) },
		"adopted":   func(t *testing.T, vip netip.Addr) *dsrudp.Conn { return adopt(t, s.listen(t, "udp4", vip).UDPConn) },
	} {
		t.Run("dsrudp/"+name, func(t *testing.T) {
			conns := []*dsrudp.Conn{open(t, s.vips[0]), open(t, s.vips[1])} // of both VIPs at once
			for i, c := range conns {
				vip, client := s.vips[i], s.dial(t, s.vips[i])
				if name == "listening" {
					require.Zero(t, get(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO))
				}
				for _, w := range ways {
					s.requireAnswered(t, c, w, client, s.dial(t, vip))
				}
				p := s.path(t, c, client)
				require.Equal(t, dsrudp.Path{Local: server(vip), Remote: addrPort(client.LocalAddr())}, p)
				for _, i := range noSource {
					answer := unique("without a source")
					_, _, err := c.WriteMsgUDPAddrPort([]byte(answer), i.oob(), p.Remote)
					require.NoError(t, err)
					requireAccepted(t, client, answer)
				}
			}
		})
	}
}

// K4.1: on a socket bound to the VIP, control messages that name the interface
// to leave by, and no source, take it off that address where the kernel gets
// them as they are. A server of mDNS or DHCP sends to groups with them; dsrudp
// keeps both, the interface and the address.
func TestK4_1_InterfaceToGroup(t *testing.T) {
	s := newCable(t)
	oob := info4{ifindex: index(t, s.server, dev)}.oob()
	for _, group := range []string{"239.1.2.3:9", "255.255.255.255:9"} {
		to := netip.MustParseAddrPort(group)
		t.Run("bare/"+group, func(t *testing.T) {
			payload, err := s.listen(t, "udp4", vips4[0]).sendTo(to, oob)
			require.NoError(t, err)
			s.requireSentFrom(t, payload, server4)
		})
		t.Run("dsrudp/"+group, func(t *testing.T) {
			c, payload := s.conn(t, dsrudp.ListenConfig{}, "udp4", vips4[0]), unique("dsrudp")
			_, _, err := c.WriteMsgUDPAddrPort([]byte(payload), oob, to)
			require.NoError(t, err)
			s.requireSentFrom(t, payload, vips4[0])
		})
	}
}

// K4.2: in a set of wildcard sockets with SO_REUSEPORT the kernel chooses the one
// by the client's address and port alone: all its VIPs come to one socket.
func TestK4_2_ReusePort(t *testing.T) {
	const sockets = 4
	s, _ := newSite(t, lab.Options{})
	for _, network := range networks4 {
		t.Run("bare/"+network, func(t *testing.T) {
			var reads []func() (string, error)
			for range sockets {
				b := s.listen(t, network, netip.Addr{}, reusePort)
				reads = append(reads, func() (string, error) {
					payload := make([]byte, 2048)
					n, _, err := b.ReadFromUDPAddrPort(payload)
					return string(payload[:n]), err
				})
			}
			s.requireOneSocketEach(t, reads)
		})
		t.Run("dsrudp/"+network, func(t *testing.T) {
			conns, err := listenN(t, s.server, dsrudp.ListenConfig{}, network, address(netip.Addr{}), sockets)
			require.NoError(t, err)
			var reads []func() (string, error)
			for i, c := range conns {
				reads = append(reads, func() (string, error) {
					r, err := ways[i%len(ways)].receive(c)
					if err == nil {
						err = r.answer("answer to " + r.payload)
					}
					return r.payload, err
				})
			}
			for client, request := range s.requireOneSocketEach(t, reads) {
				requireAccepted(t, client, "answer to "+request)
			}
		})
	}
}

// listenN listens with n sockets.
func listenN(t *testing.T, h *lab.Host, lc dsrudp.ListenConfig, network, address string, n int) (cs []*dsrudp.Conn, err error) {
	t.Helper()
	err = h.Do(func() error {
		if n > 1 {
			cs, err = lc.ListenN(t.Context(), network, address, n)
			return err
		}
		c, err := lc.ListenPacket(t.Context(), network, address)
		if err == nil {
			cs = []*dsrudp.Conn{c}
		}
		return err
	})
	for _, c := range cs {
		bounded(t, c)
	}
	return cs, err
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
			got := await(t, arrivals)
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

// With SO_REUSEPORT and port 0 the kernel may choose the port of another socket
// of the same user, and the two then share its datagrams. Here it has one port
// to choose from, which leaves nothing to chance: who is not to share it, gets
// none.
func TestK13_PortZero(t *testing.T) {
	const port = 40000
	h := labtest.NewHost(t, "server")
	require.NoError(t, h.Sysctl("net.ipv4.ip_local_port_range", fmt.Sprintf("%d %d", port, port)))
	for _, network := range []string{"udp4", "udp6", "udp"} {
		t.Run("bare/"+network, func(t *testing.T) {
			lc := net.ListenConfig{Control: control(reusePort)}
			require.NoError(t, h.Do(func() error {
				for range 2 {
					c, err := lc.ListenPacket(t.Context(), network, ":0")
					if err != nil {
						return err
					}
					require.EqualValues(t, port, addrPort(bounded(t, c).LocalAddr()).Port())
				}
				return nil
			}))
		})
		t.Run("dsrudp/"+network, func(t *testing.T) {
			lc := dsrudp.ListenConfig{ReusePort: true}
			for _, n := range []int{1, 3} {
				cs, err := listenN(t, h, lc, network, ":0", n)
				require.NoError(t, err)
				for _, c := range cs {
					require.EqualValues(t, port, addrPort(c.LocalAddr()).Port())
					require.NotZero(t, get(t, c, unix.SOL_SOCKET, unix.SO_REUSEPORT))
				}
				for _, n := range []int{1, 3} {
					_, err = listenN(t, h, lc, network, ":0", n)
					require.ErrorIs(t, err, unix.EADDRINUSE)
				}
				for _, c := range cs {
					require.NoError(t, c.Close())
				}
			}
		})
	}
}

// K4.3: a socket bound to a VIP gets its datagrams before one that is bound to
// the wildcard, whichever was there first.
func TestK4_3_SpecificBeatsWildcard(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	bound, other := s.vips[0], s.vips[1]
	for _, network := range networks4 {
		for _, wildcardFirst := range []bool{true, false} {
			addrs := []netip.Addr{bound, {}}
			if wildcardFirst {
				slices.Reverse(addrs)
			}
			name := network + "/wildcard first " + strconv.FormatBool(wildcardFirst)
			t.Run("bare/"+name, func(t *testing.T) {
				servers := make(map[netip.Addr]*bare)
				for _, a := range addrs {
					servers[a] = s.listen(t, network, a, reusePort)
				}
				for range 3 {
					servers[bound].asked(s.dial(t, bound))
					servers[netip.Addr{}].asked(s.dial(t, other))
				}
			})
			t.Run("dsrudp/"+name, func(t *testing.T) {
				conns := make(map[netip.Addr]*dsrudp.Conn)
				for _, a := range addrs {
					conns[a] = s.conn(t, dsrudp.ListenConfig{ReusePort: true}, network, a)
				}
				for _, w := range ways {
					s.requireAnswered(t, conns[bound], w, s.dial(t, bound), s.dial(t, bound))
					s.requireAnswered(t, conns[netip.Addr{}], w, s.dial(t, other), s.dial(t, other))
				}
			})
		}
	}
}

// K4.4: to set the option after bind leaves a window, in which datagrams are queued
// without (K1.12). dsrudp sets it before.
func TestK4_4_OptionBeforeBind(t *testing.T) {
	s, _ := newSite(t, lab.Options{})
	s.eachBare(t, networks4, func(t *testing.T, b *bare) {
		s.ask(t, s.dial(t, s.vips[0])) // in the window
		b.awaitQueued()
		b.set(pktinfo4)
		s.ask(t, s.dial(t, s.vips[1]))
		require.Equal(t, netip.IPv4Unspecified(), b.receive().v4.specDst)
		require.Equal(t, s.vips[1], b.receive().v4.specDst)
	})
	for _, network := range networks4 {
		t.Run("dsrudp/"+network, func(t *testing.T) {
			// A socket that cannot be bound has the option already. Control
			// comes before, and may change what kind of socket it is.
			s.listen(t, network, netip.Addr{})
			var socket *os.File
			lc := dsrudp.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
				return c.Control(func(fd uintptr) {
					v, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO)
					require.NoError(t, err)
					require.Zero(t, v)
					dup, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
					require.NoError(t, err)
					socket = os.NewFile(uintptr(dup), "socket")
				})
			}}
			_, err := listenN(t, s.server, lc, network, address(netip.Addr{}), 1)
			require.ErrorIs(t, err, unix.EADDRINUSE)
			require.NotNil(t, socket)
			t.Cleanup(func() { socket.Close() })
			require.Equal(t, 1, get(t, socket, unix.IPPROTO_IP, unix.IP_PKTINFO))
			if network != "udp4" {
				require.Equal(t, 1, get(t, socket, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO))
			}
		})
	}
}
