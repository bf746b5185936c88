package mmsg_test

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

var past = time.Unix(1, 0)

// socket returns a Socket bound to address, with deadlines that no test should meet.
func socket(t *testing.T, network, address string) (*mmsg.Socket, *net.UDPConn) {
	t.Helper()
	c, err := net.ListenPacket(network, address)
	require.NoError(t, err)
	return socketOf(t, c.(*net.UDPConn), network != "udp4", false, false), c.(*net.UDPConn)
}

// local returns a Socket of IPv4, and its address.
func local(t *testing.T) (*mmsg.Socket, *mmsg.Addr) {
	t.Helper()
	s, c := socket(t, "udp4", "127.0.0.1:0")
	return s, addrOf(c, "127.0.0.1")
}

// dialed returns a connected Socket, which was adopted as a file: net does not know that
// it is connected.
func dialed(t *testing.T, to *mmsg.Addr) (*mmsg.Socket, *net.UDPConn) {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to.AddrPort))
	require.NoError(t, err)
	defer c.Close()
	f, err := c.File()
	require.NoError(t, err)
	defer f.Close()
	adopted, err := net.FileConn(f)
	require.NoError(t, err)
	return socketOf(t, adopted.(*net.UDPConn), to.AddrPort.Addr().Is6(), true, false), adopted.(*net.UDPConn)
}

func socketOf(t *testing.T, c *net.UDPConn, inet6, connected, plain bool) *mmsg.Socket {
	t.Helper()
	s, err := mmsg.NewSocket(c, inet6, connected, plain)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	require.NoError(t, s.SetReadDeadline(time.Now().Add(5*time.Second)))
	require.NoError(t, s.SetWriteDeadline(time.Now().Add(5*time.Second)))
	return s
}

// addrOf returns c's address as others send to it.
func addrOf(c *net.UDPConn, host string) *mmsg.Addr {
	port := c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	return &mmsg.Addr{AddrPort: netip.AddrPortFrom(netip.MustParseAddr(host), port)}
}

// send sends payloads one by one.
func send(t *testing.T, s *mmsg.Socket, to *mmsg.Addr, payloads ...string) {
	t.Helper()
	m := mmsg.NewMsg()
	for _, p := range payloads {
		n, err := s.TrySend(m, []byte(p), nil, to)
		require.NoError(t, err)
		require.Equal(t, len(p), n)
	}
}

// recv receives one datagram.
func recv(s *mmsg.Socket, m *mmsg.Msg, b, control []byte) (r mmsg.Received, err error) {
	err = s.Recv(m, b, control, &r)
	return r, err
}

// TestRoundTrip: one Msg serves datagrams of all sizes and both directions, and addresses
// are unmapped on every kind of socket.
func TestRoundTrip(t *testing.T) {
	for _, tc := range []struct{ network, address, host string }{
		{"udp4", "127.0.0.1:0", "127.0.0.1"},
		{"udp6", "[::1]:0", "::1"},
		{"udp", "[::]:0", "127.0.0.1"},
		{"udp", "[::]:0", "::1"},
	} {
		x, xc := socket(t, tc.network, tc.address)
		y, yc := socket(t, tc.network, tc.address)
		m := mmsg.NewMsg()
		b := make([]byte, 2000)
		for _, size := range []int{0, 1, 1999, 2000, 3, 2001, 0} {
			sent := make([]byte, size)
			for i := range sent {
				sent[i] = byte(i)
			}
			send(t, x, addrOf(yc, tc.host), string(sent))
			r, err := recv(y, m, b, nil)
			require.NoError(t, err)
			require.Equal(t, min(size, len(b)), r.N)
			require.Equal(t, sent[:r.N], b[:r.N])
			require.Equal(t, size > len(b), r.Flags&mmsg.FlagTrunc != 0)
			require.Equal(t, *addrOf(xc, tc.host), r.From)
			require.Empty(t, r.Control)
		}
	}
}

// TestConnected: a connected Socket's datagrams go to its peer, whatever address they are
// given and whatever the Msg and Out were used for.
func TestConnected(t *testing.T) {
	y, yc := socket(t, "udp", "[::]:0")
	_, other := local(t)
	for _, host := range []string{"127.0.0.1", "::1"} {
		x, xc := dialed(t, addrOf(yc, host))
		m, out := mmsg.NewMsg(), x.NewOut(2, 0)
		_, err := y.TrySend(m, []byte("0"), nil, addrOf(xc, host))
		require.NoError(t, err)
		_, err = x.TrySend(m, []byte("1"), nil, other)
		require.NoError(t, err)
		build(t, out, 0, other, "2", "3")
		sendOut(t, out, 0, 2)
		requireQueued(t, y, "1", "2", "3")
		r, err := recv(x, m, nil, nil)
		require.NoError(t, err)
		require.Equal(t, *addrOf(yc, host), r.From)
	}
}

// TestPromise9_Deadlines: a deadline that has passed ends reads also of what is there, as
// net's, and one that was taken back does not. A send does not look at it, WriteExpired
// does, and an error of Close is the closed socket's whatever the deadlines.
func TestPromise9_Deadlines(t *testing.T) {
	s, self := local(t)
	m, in := mmsg.NewMsg(), s.NewIn(1, 0)
	in.SetBuffers(0, make([]byte, 8))
	loop := func(int) bool { return false }
	reads := map[string]func() error{
		"Recv":    func() error { _, err := recv(s, m, make([]byte, 8), nil); return err },
		"In.Recv": func() error { _, err := in.Recv(1, 0); return err },
		"In.Loop": func() error { return in.Loop(loop) },
	}
	requireReads := func(want error) {
		t.Helper()
		for name, read := range reads {
			err := read()
			require.ErrorIs(t, err, want, name)
			require.NotErrorAs(t, err, new(*net.OpError))
		}
	}
	send(t, s, self, "1", "2", "3")
	require.NoError(t, s.SetWriteDeadline(past))
	require.ErrorIs(t, s.WriteExpired(), os.ErrDeadlineExceeded)
	requireReads(nil)
	send(t, s, self, "1", "2", "3")
	require.ErrorIs(t, s.WriteExpired(), os.ErrDeadlineExceeded)

	require.NoError(t, s.SetReadDeadline(past))
	requireReads(os.ErrDeadlineExceeded)
	requireQueued(t, s, "1", "2", "3") // Poll does not look at it
	send(t, s, self, "1", "2", "3")
	for _, end := range []time.Time{{}, time.Now().Add(time.Hour), time.Unix(1<<40, 0)} {
		require.NoError(t, s.SetWriteDeadline(end))
		require.NoError(t, s.WriteExpired())
		require.NoError(t, s.WaitRoom(0))
		require.NoError(t, s.SetReadDeadline(end))
	}
	requireReads(nil)

	require.NoError(t, s.SetReadDeadline(past))
	require.NoError(t, s.SetWriteDeadline(past))
	require.NoError(t, s.Close())
	require.NoError(t, s.WriteExpired())
	requireReads(net.ErrClosed)
	_, err := s.TrySend(m, nil, nil, self)
	require.ErrorIs(t, err, net.ErrClosed)
	require.NotErrorAs(t, err, new(*net.OpError))
	_, err = in.Poll()
	require.ErrorIs(t, err, net.ErrClosed)
	require.ErrorIs(t, s.Control(func(uintptr) error { return nil }), net.ErrClosed)
	for _, again := range []error{s.SetReadDeadline(past), s.SetWriteDeadline(past), s.Close()} {
		require.ErrorIs(t, again, net.ErrClosed)
		require.NotErrorAs(t, again, new(*net.OpError))
	}
	require.NoError(t, s.WriteExpired(), "a deadline that was not set")
}

// TestPromise9_Unblocked: a deadline set meanwhile, and Close, end reads that wait, and
// those that wait for their turn.
func TestPromise9_Unblocked(t *testing.T) {
	for _, tc := range []struct {
		want error
		end  func(s *mmsg.Socket) error
	}{
		{os.ErrDeadlineExceeded, func(s *mmsg.Socket) error { return s.SetReadDeadline(past) }},
		{net.ErrClosed, (*mmsg.Socket).Close},
	} {
		s, self := local(t)
		send(t, s, self, "1")
		in := s.NewIn(2, 0)
		in.SetBuffers(0, make([]byte, 8))
		running := make(chan struct{})
		var wg sync.WaitGroup
		errs := make([]error, 3)
		wg.Go(func() { errs[0] = in.Loop(func(int) bool { close(running); return true }) })
		<-running
		wg.Go(func() { _, errs[1] = recv(s, mmsg.NewMsg(), make([]byte, 8), nil) })
		wg.Go(func() { _, errs[2] = s.NewIn(1, 0).Recv(1, 0) })
		require.NoError(t, tc.end(s))
		wg.Wait()
		for _, err := range errs {
			require.ErrorIs(t, err, tc.want)
		}
	}
}
