package main

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/turn/v4"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/examples/internal/site"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) { labtest.ProgramMain(m, main, nil) }

// The program, on two backends, serves the clients of each VIP.
func TestProgram(t *testing.T) {
	site.Each(t, lab.Options{}, func(t *testing.T, s *site.Site) {
		t.Parallel() // turnutils_uclient waits more than it works
		for _, b := range s.Backends {
			site.Start(t, b.Host, "-relay", b.Internal4.String())
		}
		t.Run("library", func(t *testing.T) {
			peer := newPeer(t, s)
			for _, vip := range s.VIPs {
				relay(t, s, vip, peer)
			}
		})
		t.Run("turnutils_uclient", func(t *testing.T) {
			var clients []func() (string, error)
			for _, vip := range s.VIPs {
				// Two clients and their relays, each of which sends to the other.
				clients = append(clients, site.Go(t, s.Client, "turnutils_uclient", "-y", "-c", "-u", "user", "-w", "secret", vip.String()))
			}
			for _, wait := range clients {
				out, err := wait()
				require.NoError(t, err, out)
				require.Contains(t, out, "tot_send_msgs=10, tot_recv_msgs=10\n")
			}
		})
	})
}

// relay asks for the client's address, and sends something to the peer and back through a
// relay. The library's client takes only IPv4 addresses for a server with relays.
func relay(t *testing.T, s *site.Site, vip netip.Addr, peer net.Addr) {
	conn := s.Dial(t, netip.AddrPortFrom(vip, 3478))
	config := &turn.ClientConfig{Conn: conn, Username: "user", Password: "secret", Realm: realm}
	if vip.Is4() {
		config.TURNServerAddr = conn.RemoteAddr().String()
	}
	client := newClient(t, config)
	mapped, err := client.SendBindingRequestTo(conn.RemoteAddr())
	require.NoError(t, err)
	require.Equal(t, conn.LocalAddr().String(), mapped.String())
	if vip.Is6() {
		return
	}
	relayed, err := client.Allocate()
	require.NoError(t, err)
	defer relayed.Close()
	require.NoError(t, relayed.SetDeadline(time.Now().Add(site.Patience)))
	_, err = relayed.WriteTo([]byte("hello"), peer)
	require.NoError(t, err)
	buf := make([]byte, 100)
	n, from, err := relayed.ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, "hello", string(buf[:n]))
	require.Equal(t, peer.String(), from.String())
}

func newClient(t *testing.T, config *turn.ClientConfig) *turn.Client {
	t.Helper()
	client, err := turn.NewClient(config)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	require.NoError(t, client.Listen())
	return client
}

// newPeer starts a peer, which sends back what it receives.
func newPeer(t *testing.T, s *site.Site) net.Addr {
	t.Helper()
	conn := site.Net.On(t, s.Client, "udp", netip.AddrPortFrom(s.Client4, 7).String())
	go func() {
		buf := make([]byte, 100)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return // the socket is closed
			}
			conn.WriteTo(buf[:n], from)
		}
	}()
	return conn.LocalAddr()
}

// With net the answers leave from the backend's own address.
func TestNet(t *testing.T) {
	site.Each(t, lab.Options{}, func(t *testing.T, s *site.Site) {
		for _, b := range s.Backends {
			_, err := newServer(site.Net.On(t, b.Host, "udp", ":3478"), b.Internal4.String(), "user", "secret")
			require.NoError(t, err)
		}
		for _, vip := range s.VIPs {
			conn := s.Dial(t, netip.AddrPortFrom(vip, 3478))
			client := newClient(t, &turn.ClientConfig{Conn: conn})
			got := make(chan error, 1)
			go func() {
				_, err := client.SendBindingRequestTo(conn.RemoteAddr())
				got <- err
			}()
			s.Rejected(t, conn.LocalAddr())
			client.Close()
			require.ErrorContains(t, site.Receive(t, got), "transaction closed")
		}
	})
}
