package facts_test

import (
	"bytes"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/localroute"
)

// A round is requests of several clients that a server has received and not yet
// answered.
type round struct {
	clients []*net.UDPConn
	answers []func(string) error
}

// receiveAll has every client ask, and receives all requests.
func (s *site) receiveAll(t *testing.T, c *dsrudp.Conn, w way, clients ...*net.UDPConn) *round {
	t.Helper()
	var requests []string
	for _, client := range clients {
		requests = append(requests, s.ask(t, client))
	}
	r := &round{clients, make([]func(string) error, len(clients))}
	for range clients {
		request, err := w.receive(c)
		require.NoError(t, err)
		i := slices.Index(requests, request.payload)
		require.GreaterOrEqual(t, i, 0, "%q is not what was asked", request.payload)
		r.answers[i] = request.answer
	}
	return r
}

// requireAccepted answers the clients, the last one first, and requires that each
// accepts its own answer. It returns the answers.
func (r *round) requireAccepted(t *testing.T) []string {
	t.Helper()
	answers := make([]string, len(r.clients))
	for i := len(r.clients) - 1; i >= 0; i-- {
		answers[i] = unique("dsrudp's answer to " + r.clients[i].LocalAddr().String())
		require.NoError(t, r.answers[i](answers[i]))
	}
	for i, client := range r.clients {
		requireAccepted(t, client, answers[i])
	}
	return answers
}

// requireAnswered has every client ask before any is answered, and requires that each
// accepts its own answer. It returns the answers.
func (s *site) requireAnswered(t *testing.T, c *dsrudp.Conn, w way, clients ...*net.UDPConn) []string {
	t.Helper()
	return s.receiveAll(t, c, w, clients...).requireAccepted(t)
}

// requireDSR requires that new clients of the VIPs are answered, over sockets of both
// kinds and in every way.
func (s *site) requireDSR(t *testing.T, vips ...netip.Addr) {
	t.Helper()
	s.eachWay(t, networks4, func(t *testing.T, c *dsrudp.Conn, w way) {
		s.requireAnswered(t, c, w, s.dialAll(t, vips...)...)
	})
}

// requireNotLocal requires that err is ErrNotLocal in the shape net gives errors,
// and that it matches one of the errnos. Without an errno the kernel was not asked to
// send.
func requireNotLocal(t *testing.T, err error, errnos ...error) {
	t.Helper()
	require.ErrorIs(t, err, dsrudp.ErrNotLocal)
	requireOp(t, err, "write")
	if len(errnos) > 0 {
		requireErrno(t, err, errnos...)
	}
}

func requireOp(t *testing.T, err error, op string) {
	t.Helper()
	var e *net.OpError
	require.ErrorAs(t, err, &e)
	require.Equal(t, op, e.Op)
}

// requireRefused requires that none of the ways lets a datagram leave from an address,
// whether the library or the kernel refuses it.
func (s *site) requireRefused(t *testing.T, c *dsrudp.Conn, from netip.Addr, to netip.AddrPort, by ...sendWay) {
	t.Helper()
	var never []string
	for _, w := range by {
		never = append(never, unique("never to leave, by "+w.name))
		refused := c.Stats().Refused
		requireNotLocal(t, w.send(c, never[len(never)-1], from, to))
		require.Equal(t, refused+1, c.Stats().Refused, w.name)
	}
	s.requireNotSent(t, never...)
}

// requireSends requires that all of the ways send from an address.
func (s *site) requireSends(t *testing.T, c *dsrudp.Conn, from netip.Addr, to netip.AddrPort, by ...sendWay) {
	t.Helper()
	for _, w := range by {
		payload := unique("by " + w.name)
		require.NoError(t, w.send(c, payload, from, to), w.name)
		s.requireSentFrom(t, payload, from.WithZone(""))
	}
}

// withdraw takes the local route to p from the server. What it returns brings it back,
// as the end of the test does.
func (s *site) withdraw(t *testing.T, p netip.Prefix) (restore func()) {
	t.Helper()
	return s.change(t, p, func() error { return s.server.DelLocalRoute(p, dev) }, func() error { return s.server.AddLocalRoute(p, dev) })
}

// change makes p not local and returns what makes it local again. For IPv4 the kernel's
// own guard knows at once.
func (s *site) change(t *testing.T, p netip.Prefix, take, bring func() error) (restore func()) {
	t.Helper()
	change := func(f func() error) {
		require.NoError(t, f())
		if p.Addr().Is6() {
			s.expireGuard(t)
		}
	}
	change(take)
	restore = sync.OnceFunc(func() { change(bring) })
	t.Cleanup(restore)
	return restore
}

// expireGuard turns the clock of the library's guard by two ticks, after which it asks
// the kernel again which addresses are local.
func (s *site) expireGuard(t *testing.T) {
	t.Helper()
	set(t, s.marker, func(fd int) error {
		table, err := localroute.Open(uintptr(fd))
		if err != nil {
			return err
		}
		table.Tick()
		table.Tick()
		return table.Close()
	})
}

// failures is how many datagrams c could not send for other reasons than their source.
func failures(c *dsrudp.Conn) uint64 {
	s := c.Stats()
	return s.SendFailed + s.SendDenied + s.SendNoBuffer
}

// waiting returns how many goroutines wait to write: one in the runtime's poller, and
// the others for their turn.
func waiting() (n int) {
	buf := make([]byte, 1<<20)
	for _, g := range bytes.Split(buf[:runtime.Stack(buf, true)], []byte("\n\n")) {
		waits := bytes.Contains(g, []byte("[IO wait")) || bytes.Contains(g, []byte("[semacquire"))
		if waits && bytes.Contains(g, []byte("net.(*rawConn).Write(")) {
			n++
		}
	}
	return n
}

// awaitWaiting returns when n goroutines wait to write.
func awaitWaiting(t *testing.T, n int) {
	t.Helper()
	soon(t, "all writers wait for room", func() bool { return waiting() == n })
}

// serve has a Server serve c for the duration of the test. What it returns ends
// it sooner, and requires that it was shut down.
func serve(t *testing.T, s *dsrudp.Server, c *dsrudp.Conn) (shutdown func()) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(c) }()
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			c.Close()
			<-ended
		}
	})
	return func() {
		stopped = true
		require.NoError(t, s.Shutdown(t.Context()))
		require.Equal(t, dsrudp.ErrServerClosed, <-ended)
	}
}

// echo is a handler that answers each datagram with itself.
func echo(t *testing.T) dsrudp.HandlerFunc {
	return func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		_, err := w.Write(p.Payload())
		assert.NoError(t, err)
	}
}

// requireServed requires that each client gets its own request back from a Server,
// one that answers only when all of them have asked, the last one first.
func (s *site) requireServed(t *testing.T, c *dsrudp.Conn, clients ...*net.UDPConn) {
	t.Helper()
	var held []*dsrudp.Packet
	shutdown := serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if held = append(held, p.Clone()); len(held) < len(clients) {
			return
		}
		for _, p := range slices.Backward(held) {
			assert.NoError(t, w.WritePacket(p))
		}
	})}, c)
	var requests []string
	for _, client := range clients {
		requests = append(requests, s.ask(t, client))
	}
	for i, client := range clients {
		requireAccepted(t, client, requests[i])
	}
	shutdown()
}

// segmentSize and segmented are of a message of segments that fits any link: five
// datagrams, of which the last is shorter.
const (
	segmentSize = 300
	segmented   = 4*segmentSize + 70
)

// segments returns such a payload, like no other, whose datagrams differ.
func segments() []byte {
	b := bytes.Repeat([]byte{'.'}, segmented)
	for at := 0; at < segmented; at += segmentSize {
		copy(b[at:], unique("segment"))
	}
	return b
}

// packets cuts a payload into Packets of their own.
func packets(payload []byte, p dsrudp.Path) (ps []dsrudp.Packet) {
	for c := range slices.Chunk(payload, segmentSize) {
		ps = append(ps, packet(string(c), p))
	}
	return ps
}

// sendSegments has a client send a payload as segments.
func sendSegments(t *testing.T, client *net.UDPConn, payload []byte, size int) {
	t.Helper()
	_, _, err := client.WriteMsgUDP(payload, segment(size), nil)
	require.NoError(t, err)
}

// requireSegments requires that a payload comes to a client in datagrams of size bytes.
func requireSegments(t *testing.T, client *net.UDPConn, payload []byte, size int) {
	t.Helper()
	for c := range slices.Chunk(payload, size) {
		requireAccepted(t, client, string(c))
	}
}

// small is less than the least send buffer that there is.
var small = dsrudp.ListenConfig{WriteBuffer: 1}

// block makes an address of the client that the server has a route to, but no Ethernet
// address for. What is sent there waits in the server until it has one, and counts
// against the send buffer meanwhile. It returns a client of a VIP there, and what
// unblocks it.
func (s *site) block(t *testing.T, f family) (client *net.UDPConn, unblock func()) {
	t.Helper()
	a := f.farNet.Addr().Next()
	require.NoError(t, s.client.AddAddr("lo", single(a)))
	require.NoError(t, s.client.Sysctl("net.ipv4.conf.all.arp_ignore", "1"))
	for _, key := range []string{"net.ipv4.neigh.eth0.mcast_solicit", "net.ipv6.neigh.eth0.mcast_solicit"} {
		require.NoError(t, s.server.Sysctl(key, "1000")) // seconds
	}
	require.NoError(t, s.server.AddRoute(single(a), netip.Addr{}, dev))
	return s.dialFrom(t, a, f.vips[0]), func() { introduce(t, s.server, s.client, dev, a) }
}

// fill sends until the kernel says EAGAIN, past Go's poller.
func fill(t *testing.T, c *dsrudp.Conn, to netip.AddrPort) {
	t.Helper()
	var err error
	sa := sockaddr(t, c, to)
	set(t, c, func(fd int) error {
		for range 1 << 16 {
			if err = unix.Sendto(fd, []byte("filling"), unix.MSG_DONTWAIT, sa); err != nil {
				return nil
			}
		}
		return nil
	})
	require.ErrorIs(t, err, unix.EAGAIN)
}

func sockaddr(t *testing.T, c *dsrudp.Conn, to netip.AddrPort) unix.Sockaddr {
	t.Helper()
	if get(t, c, unix.SOL_SOCKET, unix.SO_DOMAIN) == unix.AF_INET {
		return &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	}
	return &unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
}

// queueErrors has c receive ICMP errors, and leaves one in its error queue.
func queueErrors(t *testing.T, c *dsrudp.Conn, f family) {
	t.Helper()
	nobody, receive := netip.MustParseAddrPort("127.0.0.1:9"), on(unix.IPPROTO_IP, unix.IP_RECVERR)
	if f.a.Is6() {
		nobody, receive = netip.MustParseAddrPort("[::1]:9"), on(unix.IPPROTO_IPV6, unix.IPV6_RECVERR)
	}
	sa := sockaddr(t, c, nobody)
	set(t, c, receive)
	set(t, c, func(fd int) error { return unix.Sendto(fd, nil, 0, sa) })
	require.EqualValues(t, unix.ECONNREFUSED, get(t, c, unix.SOL_SOCKET, unix.SO_ERROR))
	set(t, c, func(fd int) error {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		_, err := unix.Poll(fds, 0)
		require.EqualValues(t, unix.POLLERR, fds[0].Revents)
		return err
	})
}

// full returns a Conn with a full send buffer, a client that is blocked with the path
// to it, and what unblocks it. Prepare is called before the buffer is filled.
func full(t *testing.T, lc dsrudp.ListenConfig, f family, network string, prepare ...func(*testing.T, *dsrudp.Conn, family)) (s *site, c *dsrudp.Conn, client *net.UDPConn, p dsrudp.Path, unblock func()) {
	t.Helper()
	s = newCable(t)
	lc.WriteBuffer = small.WriteBuffer
	c = s.conn(t, lc, network, netip.Addr{})
	client, unblock = s.block(t, f)
	p = s.path(t, c, client)
	for _, do := range prepare {
		do(t, c, f)
	}
	fill(t, c, p.Remote)
	return s, c, client, p, unblock
}

// addFar makes the far addresses of the families reachable, behind the client.
func (s *site) addFar(t *testing.T) {
	t.Helper()
	for _, f := range families {
		require.NoError(t, s.client.AddAddr("lo", single(f.far)))
		require.NoError(t, s.server.AddRoute(f.farNet, f.a, dev))
	}
}
