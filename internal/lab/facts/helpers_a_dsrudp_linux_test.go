package facts_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A dsrWay is a pair of methods of dsrudp.Conn by which a server receives a
// request and answers it.
type dsrWay struct {
	name    string
	receive func(c *dsrudp.Conn) (dsrRequest, error)
}

// A dsrRequest is a request received.
type dsrRequest struct {
	payload string
	answer  func(payload string) error
}

// The ways, with what they know the local address by.
var (
	// A Path.
	dsrPacket = dsrWay{"WriteToPath", func(c *dsrudp.Conn) (dsrRequest, error) {
		b := make([]byte, 2048)
		n, p, err := c.ReadFromPath(b)
		return dsrRequest{string(b[:n]), func(s string) error {
			_, err := c.WriteToPath([]byte(s), p)
			return err
		}}, err
	}}
	// An address that carries it.
	dsrCarried = dsrWay{"WriteTo", func(c *dsrudp.Conn) (dsrRequest, error) {
		b := make([]byte, 2048)
		n, addr, err := c.ReadFrom(b)
		return dsrRequest{string(b[:n]), func(s string) error {
			_, err := c.WriteTo([]byte(s), addr)
			return err
		}}, err
	}}
	// The path memory.
	dsrRemembered = dsrWay{"WriteToUDPAddrPort", func(c *dsrudp.Conn) (dsrRequest, error) {
		b := make([]byte, 2048)
		n, from, err := c.ReadFromUDPAddrPort(b)
		return dsrRequest{string(b[:n]), func(s string) error {
			_, err := c.WriteToUDPAddrPort([]byte(s), from)
			return err
		}}, err
	}}
	// Control messages handed back as they came.
	dsrEchoed = dsrWay{"WriteMsgUDPAddrPort", func(c *dsrudp.Conn) (dsrRequest, error) {
		b, oob := make([]byte, 2048), make([]byte, 512)
		n, oobn, _, from, err := c.ReadMsgUDPAddrPort(b, oob)
		return dsrRequest{string(b[:n]), func(s string) error {
			_, _, err := c.WriteMsgUDPAddrPort([]byte(s), oob[:oobn], from)
			return err
		}}, err
	}}

	dsrWays = []dsrWay{dsrPacket, dsrCarried, dsrRemembered, dsrEchoed, dsrPackets, dsrBatch}
)

// listenDSR returns a Conn on the server, bound to the address, the wildcard if
// it is the zero Addr, and the lab's port.
func (s *site) listenDSR(t *testing.T, lc dsrudp.ListenConfig, network string, a netip.Addr) *dsrudp.Conn {
	t.Helper()
	var c *dsrudp.Conn
	require.NoError(t, s.server.Do(func() (err error) {
		c, err = lc.ListenPacket(t.Context(), network, siteAddress(a))
		return err
	}))
	return siteConn(t, c)
}

// eachDSR runs f for wildcard sockets of both kinds and for every way, which is all
// that dsrudp promises to be right about.
func (s *site) eachDSR(t *testing.T, f func(t *testing.T, c *dsrudp.Conn, w dsrWay)) {
	t.Helper()
	for _, network := range bareNetworks {
		for _, w := range dsrWays {
			t.Run("dsrudp/"+network+"/"+w.name, func(t *testing.T) {
				f(t, s.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{}), w)
			})
		}
	}
}

// A dsrRound is requests of several clients that a server has received and not
// yet answered.
type dsrRound struct {
	site    *site
	clients []*net.UDPConn
	answers []func(string) error
}

// receiveAll has every client ask, and receives all requests.
func (s *site) receiveAll(t *testing.T, c *dsrudp.Conn, w dsrWay, clients ...*net.UDPConn) *dsrRound {
	t.Helper()
	var requests []string
	for _, client := range clients {
		requests = append(requests, s.ask(t, client))
	}
	round := &dsrRound{s, clients, make([]func(string) error, len(clients))}
	for range clients {
		r, err := w.receive(c)
		require.NoError(t, err)
		i := slices.Index(requests, r.payload)
		require.GreaterOrEqual(t, i, 0, "%q is not what was asked", r.payload)
		round.answers[i] = r.answer
	}
	return round
}

// requireAccepted answers the clients, the last one first, and requires that
// each accepts its own answer. It returns the answers.
func (r *dsrRound) requireAccepted(t *testing.T) []string {
	t.Helper()
	answers := make([]string, len(r.clients))
	for i := len(r.clients) - 1; i >= 0; i-- {
		answers[i] = fmt.Sprintf("dsrudp's answer %d to %v", siteCount.Add(1), r.clients[i].LocalAddr())
		require.NoError(t, r.answers[i](answers[i]))
	}
	for i, client := range r.clients {
		r.site.requireAccepted(t, client, answers[i])
	}
	return answers
}

// requireAnswered has every client ask before any is answered, and requires
// that each accepts its own answer. It returns the answers.
func (s *site) requireAnswered(t *testing.T, c *dsrudp.Conn, w dsrWay, clients ...*net.UDPConn) []string {
	t.Helper()
	return s.receiveAll(t, c, w, clients...).requireAccepted(t)
}

// requireDSR requires that new clients of both VIPs are answered, over sockets
// of both kinds and in every way.
func (s *site) requireDSR(t *testing.T) {
	t.Helper()
	s.eachDSR(t, func(t *testing.T, c *dsrudp.Conn, w dsrWay) {
		s.requireAnswered(t, c, w, s.dialAll(t)...)
	})
}

// dsrNotLocal requires that err is ErrNotLocal in the shape net gives errors,
// and that it matches one of the errnos, which differ between kernels. Without an
// errno the kernel was not asked to send.
func dsrNotLocal(t *testing.T, err error, errnos ...error) {
	t.Helper()
	require.ErrorIs(t, err, dsrudp.ErrNotLocal)
	var op *net.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, "write", op.Op)
	if len(errnos) > 0 {
		bareFails(t, err, errnos...)
	}
}
