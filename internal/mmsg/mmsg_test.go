package mmsg_test

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

func socket(t *testing.T, network, address string, inet6 bool) (*mmsg.Socket, *net.UDPConn) {
	t.Helper()
	c, err := net.ListenPacket(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(5*time.Second)))
	s, err := mmsg.NewSocket(c.(*net.UDPConn), inet6)
	require.NoError(t, err)
	return s, c.(*net.UDPConn)
}

// TestRoundTrip: one Msg serves datagrams of all sizes and both directions, and
// the remote address comes in the socket's form.
func TestRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		network, address string
		inet6            bool
		to, from         string // with the sockets' ports put in
	}{
		{"udp4", "127.0.0.1:0", false, "127.0.0.1", "127.0.0.1"},
		{"udp4", "127.0.0.1:0", false, "::ffff:127.0.0.1", "127.0.0.1"},
		{"udp6", "[::1]:0", true, "::1", "::1"},
		{"udp", "[::]:0", true, "127.0.0.1", "::ffff:127.0.0.1"},
		{"udp", "[::]:0", true, "::ffff:127.0.0.1", "::ffff:127.0.0.1"},
	} {
		x, xc := socket(t, tc.network, tc.address, tc.inet6)
		y, yc := socket(t, tc.network, tc.address, tc.inet6)
		to := netip.AddrPortFrom(netip.MustParseAddr(tc.to), yc.LocalAddr().(*net.UDPAddr).AddrPort().Port())
		from := netip.AddrPortFrom(netip.MustParseAddr(tc.from), xc.LocalAddr().(*net.UDPAddr).AddrPort().Port())
		m := mmsg.NewMsg()
		b := make([]byte, 2000)
		for _, size := range []int{0, 1, 1999, 2000, 3, 2001, 0} {
			sent := make([]byte, size)
			for i := range sent {
				sent[i] = byte(i)
			}
			n, err := x.Send(m, sent, nil, &to, 0)
			require.NoError(t, err)
			require.Equal(t, size, n)
			r, err := recvOne(y, m, b, nil)
			require.NoError(t, err)
			require.Equal(t, min(size, len(b)), r.N)
			require.Equal(t, sent[:r.N], b[:r.N])
			require.Equal(t, size > len(b), r.Flags&mmsg.FlagTrunc != 0)
			require.Equal(t, from, r.From)
			require.Zero(t, r.Scope)
			require.Zero(t, r.OOBN)
		}
	}
}

// TestConnected: without a remote address a datagram goes to the connected peer,
// also where the Msg has sent to another before.
func TestConnected(t *testing.T) {
	y, yc := socket(t, "udp4", "127.0.0.1:0", false)
	xc, err := net.DialUDP("udp4", nil, yc.LocalAddr().(*net.UDPAddr))
	require.NoError(t, err)
	defer xc.Close()
	x, err := mmsg.NewSocket(xc, false)
	require.NoError(t, err)
	m := mmsg.NewMsg()
	other, otherc := socket(t, "udp4", "127.0.0.1:0", false)
	_, err = other.Send(m, []byte("0"), nil, new(otherc.LocalAddr().(*net.UDPAddr).AddrPort()), 0)
	require.NoError(t, err)
	_, err = x.Send(m, []byte("1"), nil, nil, 0)
	require.NoError(t, err)
	r, err := recvOne(y, mmsg.NewMsg(), make([]byte, 1), nil)
	require.NoError(t, err)
	require.Equal(t, xc.LocalAddr().(*net.UDPAddr).AddrPort(), r.From)
}

// TestErrors: errors are the ones below *net.OpError.
func TestErrors(t *testing.T) {
	x, xc := socket(t, "udp4", "127.0.0.1:0", false)
	self := xc.LocalAddr().(*net.UDPAddr).AddrPort()
	_, err := x.Send(mmsg.NewMsg(), make([]byte, 65508), nil, &self, 0)
	var sys *os.SyscallError
	require.ErrorAs(t, err, &sys)
	require.NotErrorAs(t, err, new(*net.OpError))

	require.NoError(t, xc.SetDeadline(time.Unix(1, 0)))
	_, err = recvOne(x, mmsg.NewMsg(), make([]byte, 1), nil)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NotErrorAs(t, err, new(*net.OpError))
	_, err = x.Send(mmsg.NewMsg(), make([]byte, 1), nil, &self, 0)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)

	require.NoError(t, xc.Close())
	_, err = recvOne(x, mmsg.NewMsg(), make([]byte, 1), nil)
	require.ErrorIs(t, err, net.ErrClosed)
}

// recvOne receives one datagram.
func recvOne(s *mmsg.Socket, m *mmsg.Msg, b, oob []byte) (r mmsg.Received, err error) {
	err = s.Recv(m, b, oob, &r)
	return r, err
}
