package dsrudp_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestPromise7_OnError: what fails when the replies are sent is reported once, with its
// path, and counted, segments each. The replies around it are sent.
func TestPromise7_OnError(t *testing.T) {
	needNetlink(t)
	const tooLong, segments = 65508, 70 // for any IPv4 datagram; more than a Server sends as one
	for _, s := range []struct {
		network, address string
		foreign          netip.Addr
	}{
		{"udp4", ":0", netip.MustParseAddr("198.51.100.77")},
		{"udp", ":0", netip.MustParseAddr("198.51.100.77")},
		{"udp", "0.0.0.0:0", netip.MustParseAddr("198.51.100.77")},
		{"udp", "[::]:0", netip.MustParseAddr("2001:db8::77")},
		{"udp6", ":0", netip.MustParseAddr("2001:db8::77")},
	} {
		t.Run(s.network+s.address, func(t *testing.T) {
			c := listen(t, s.network, s.address)
			var clients [2]*net.UDPConn
			if s.foreign.Is4() {
				clients[0], clients[1] = dialOnePort(t, c, vips[0], vips[1])
			} else {
				clients[0], clients[1] = dialVIP(t, c, loopback6), dialVIP(t, c, loopback6)
			}
			want, n := make(map[dsrudp.Path]int), 0
			for _, x := range clients {
				want[dsrudp.Path{Local: netip.AddrPortFrom(s.foreign, portOf(c)), Remote: addrPortOf(x.LocalAddr())}]++
				n++
				if s.foreign.Is4() {
					want[between(x)]++
					n++
				}
			}
			enqueue(t, 1, clients[:]...)
			onError, all := collecting()
			serve(t, &dsrudp.Server{OnError: onError, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				echoing(t).ServePacket(w, p)
				q := packet(bytesOf(0, segments*1000), dsrudp.Path{Local: netip.AddrPortFrom(s.foreign, 0), Remote: p.Path.Remote})
				q.SegmentSize = 1000
				assert.NoError(t, w.WritePacket(&q), "the kernel has not been asked")
				if s.foreign.Is4() {
					n, err := w.Write(make([]byte, tooLong))
					assert.NoError(t, err)
					assert.Equal(t, tooLong, n)
				}
				_, err := w.Write([]byte("behind"))
				assert.NoError(t, err)
			})}, c)
			got := make(map[dsrudp.Path]int)
			for range n {
				f := await(t, all)
				got[f.path]++
				reason := error(syscall.EMSGSIZE)
				if f.path.Local.Addr() == s.foreign {
					reason = dsrudp.ErrNotLocal
				}
				assertWriteError(t, f.err, reason, f.path.Remote)
			}
			require.Equal(t, want, got)
			requireEchoes(t, 1, clients[:]...)
			for _, x := range clients {
				require.Equal(t, "behind", read(t, x))
			}
			require.Empty(t, all)
			stats := c.Stats()
			require.EqualValues(t, 2*segments, stats.Refused)
			require.EqualValues(t, n-2, stats.SendFailed)
			require.Zero(t, stats.OffloadFallbacks)
		})
	}
}

// TestT43_Errors: with Concurrency the same is returned by Write and WritePacket, and OnError is
// not called.
func TestT43_Errors(t *testing.T) {
	needNetlink(t)
	const segments = 70
	c := listen(t, "udp", ":0")
	x := dialVIP(t, c, vips[0])
	onError, all := collecting()
	serve(t, &dsrudp.Server{Concurrency: 4, OnError: onError, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		q := packet(bytesOf(0, segments*1000), pathTo("198.51.100.77", p.Path.Remote))
		q.SegmentSize = 1000
		assertWriteError(t, w.WritePacket(&q), dsrudp.ErrNotLocal, p.Path.Remote)
		for _, size := range []int{65508, 65536} { // for the kernel, and for any datagram
			n, err := w.Write(make([]byte, size))
			assertWriteError(t, err, syscall.EMSGSIZE, p.Path.Remote)
			assert.Zero(t, n)
		}
		q.Path, q.SegmentSize = p.Path, 0
		q.Buf, q.N = []byte("12345"), 5
		q.SegmentSize = 2
		assert.NoError(t, w.WritePacket(&q))
		echoing(t).ServePacket(w, p)
	})}, c)
	write(t, x, "request")
	for _, want := range []string{"12", "34", "5", "request"} {
		require.Equal(t, want, read(t, x))
	}
	require.Empty(t, all)
	require.EqualValues(t, segments, c.Stats().Refused)
	require.EqualValues(t, 2, c.Stats().SendFailed)
}

// adoptDead returns a Conn that is connected to a port that no socket has.
func adoptDead(t *testing.T) (c *dsrudp.Conn, peer netip.AddrPort) {
	t.Helper()
	u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer u.Close()
	peer = addrPortOf(u.LocalAddr())
	return adopt(t, dial(t, netip.AddrPort{}, peer)), peer
}

// adoptAsked is adoptDead with n requests of the peer, which is gone by then.
func adoptAsked(t *testing.T, n int) (c *dsrudp.Conn, x *net.UDPConn) {
	t.Helper()
	c, peer := adoptDead(t)
	x = dial(t, peer, addrPortOf(c.LocalAddr()))
	enqueue(t, n, x)
	require.NoError(t, x.Close())
	return c, x
}

// TestPromise7_ReadErrors: on a connected socket a read fails when the peer has refused a
// datagram. That is reported, and the next read made at once, by which a peer that is back
// is served. Only after 16 errors in a row, without a datagram, are there pauses.
//
// The clock is synctest's, which goes on only while all wait: it counts the pauses.
func TestPromise7_ReadErrors(t *testing.T) {
	const single, inRow, allowed = 20, 40, 16
	c, peer := adoptDead(t)
	synctest.Test(t, func(t *testing.T) {
		fail := func() { // the next read
			_, err := c.Write([]byte("is anybody there"))
			assert.NoError(t, err)
		}
		begin := time.Now()
		errors, requests := 0, 0
		s := &dsrudp.Server{
			Handler: dsrudp.HandlerFunc(func(_ dsrudp.ReplyWriter, p *dsrudp.Packet) {
				requests++
				assert.Equal(t, dsrudp.Path{Local: addrPortOf(c.LocalAddr()), Remote: peer}, p.Path)
				fail()
			}),
			OnError: func(p dsrudp.Path, err error) {
				assert.Zero(t, p)
				assertOp(t, "read", err, syscall.ECONNREFUSED)
				errors++
				assert.Equal(t, time.Duration(max(0, errors-1-single-allowed))*time.Millisecond, time.Since(begin), "at error %d", errors)
				switch {
				case errors == single+inRow:
					assert.NoError(t, c.SetReadDeadline(past))
				case errors > single:
					fail()
				default: // the peer comes back, asks, and is gone
					x, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(peer), c.LocalAddr().(*net.UDPAddr))
					if assert.NoError(t, err) {
						_, err = x.Write([]byte("request"))
						assert.NoError(t, err)
						assert.NoError(t, x.Close())
					}
				}
			},
		}
		fail()
		require.ErrorIs(t, s.Serve(c), os.ErrDeadlineExceeded)
		require.Equal(t, single+inRow, errors)
		require.EqualValues(t, errors, c.Stats().ReadFailed)
		require.Equal(t, single, requests)
	})
}

// TestT18_ICMP: ICMP errors, which anybody can forge, come before each read and each send of
// a Server, on a connected socket and on one with IP_RECVERR. The kernel returns them by
// those calls, which are made again at once: no request goes unanswered.
func TestT18_ICMP(t *testing.T) {
	if !inNamespace(t, "it did not end") {
		return
	}
	const requests, portUnreachable, hostUnreachable = 30, 3, 1
	server, peer := netip.MustParseAddrPort("127.0.0.2:7000"), netip.MustParseAddrPort("127.0.0.1:7001")
	for name, tc := range map[string]struct {
		open  func(t *testing.T) *dsrudp.Conn
		codes []byte
	}{
		"connected": {func(t *testing.T) *dsrudp.Conn { return adopt(t, dial(t, server, peer)) }, []byte{portUnreachable}},
		"IP_RECVERR": {func(t *testing.T) *dsrudp.Conn {
			c := listen(t, "udp4", ":7000")
			setsockopts(t, c, [2]int{unix.IPPROTO_IP, unix.IP_RECVERR})
			return c
		}, []byte{portUnreachable, hostUnreachable}},
	} {
		for _, concurrency := range []int{0, 1} {
			t.Run(fmt.Sprint(name, concurrency), func(t *testing.T) {
				c := tc.open(t)
				var forged atomic.Int64
				forge := func() { // as if a datagram to the peer had not reached it
					code := tc.codes[forged.Add(1)/2%int64(len(tc.codes))]
					b := append([]byte{3, code, 0, 0, 0, 0, 0, 0}, udpPacket(server, peer, "")...)
					binary.BigEndian.PutUint16(b[2:], ^uint16(checksum(0, b)))
					send(t, server.Addr(), ipPacket(peer.Addr(), server.Addr(), unix.IPPROTO_ICMP, b))
				}
				onError, failures := collecting()
				v := serve(t, &dsrudp.Server{Concurrency: concurrency, OnError: onError, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
					forge()
					echoing(t).ServePacket(w, p)
				})}, c)
				x := dial(t, peer, server)
				for range requests {
					forge()
					begun(t, x)
				}
				require.NoError(t, c.Close())
				require.ErrorIs(t, v.wait(t), net.ErrClosed)
				require.Zero(t, c.Stats().SendFailed)
				require.GreaterOrEqual(t, len(failures), requests)
				require.EqualValues(t, len(failures), c.Stats().ReadFailed)
				for range len(failures) {
					f := <-failures
					require.Zero(t, f.path, "%v", f.err)
					require.True(t, errors.Is(f.err, syscall.ECONNREFUSED) || errors.Is(f.err, syscall.EHOSTUNREACH), f.err)
				}
			})
		}
	}
}

// TestT46_Log: without OnError failures are logged, and panics in any case, ten of each in a
// second, and how many were not: by the next one that is, or when Serve returns. The clock is
// synctest's.
func TestT46_Log(t *testing.T) {
	const requests, first, second = 45, 25, 19 // how many fail in either second
	c, x := adoptAsked(t, requests)
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		calls := 0
		s := &dsrudp.Server{BatchSize: 1, ErrorLog: slog.New(slog.NewJSONHandler(&log, nil)), Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			switch calls++; {
			case calls == first+1:
				time.Sleep(time.Second)
			case calls == requests:
				assert.NoError(t, c.SetReadDeadline(past))
				return
			}
			_, err := w.Write(make([]byte, 65508))
			assert.NoError(t, err)
			panic("as it should")
		})}
		require.ErrorIs(t, s.Serve(c), os.ErrDeadlineExceeded)
		records := make(map[string][]int)
		for logged := json.NewDecoder(&log); logged.More(); {
			var r struct {
				Msg, Path, Panic, Error string
				NotLogged               int
				Panics, Failures        int
			}
			require.NoError(t, logged.Decode(&r))
			records[r.Msg] = append(records[r.Msg], r.NotLogged)
			switch r.Msg {
			case "dsrudp: answer not sent":
				require.Equal(t, between(x).String(), r.Path)
				require.Contains(t, r.Error, syscall.EMSGSIZE.Error())
			case "dsrudp: panic in a Handler":
				require.Equal(t, "as it should", r.Panic)
			case "dsrudp: not logged":
				require.Equal(t, []int{second - 10, second - 10}, []int{r.Panics, r.Failures})
			}
		}
		want := make([]int, 20)
		want[10] = first - 10
		require.Equal(t, map[string][]int{
			"dsrudp: answer not sent":    want,
			"dsrudp: panic in a Handler": want,
			"dsrudp: not logged":         {0},
		}, records)
	})
}

// TestShutdownDrainsRefused: nor do such errors end Shutdown's drain, though there is one
// after every reply.
func TestShutdownDrainsRefused(t *testing.T) {
	const n = 40
	c, x := adoptAsked(t, n)
	onError, all := collecting()
	s := newStuck(t, &dsrudp.Server{BatchSize: 1, OnError: onError}, c, x, 0)
	result := s.shut(t, t.Context())
	close(s.release)
	require.NoError(t, await(t, result))
	require.Equal(t, dsrudp.ErrServerClosed, s.wait(t))
	require.Equal(t, n, s.calls)
	require.NotEmpty(t, all)
	require.EqualValues(t, len(all), c.Stats().ReadFailed)
}

// narrow puts one end of a pair of Unix sockets in the place of c's socket, which is
// connected, and returns the other: there is room for a few datagrams in between, as UDP's
// send buffer does not fill over loopback. The poller does not know the new socket, so what
// c is to receive must be there before c is read.
func narrow(t *testing.T, c *dsrudp.Conn) (other int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fds[1]) })
	require.NoError(t, unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1)) // the least there is
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { err = unix.Dup3(fds[0], int(fd), unix.O_CLOEXEC) }))
	require.NoError(t, err)
	require.NoError(t, unix.Close(fds[0]))
	return fds[1]
}

// TestPromise7_NoRoom: where the send buffer stays full a Server waits once, for a bounded
// time, and not for each reply. Replies that find no room are dropped, counted and reported.
// Then the next request is served, and answered as there is room again.
func TestPromise7_NoRoom(t *testing.T) {
	for concurrency := range 2 {
		t.Run(fmt.Sprint("Concurrency ", concurrency), func(t *testing.T) { testNoRoom(t, concurrency) })
	}
}

func testNoRoom(t *testing.T, concurrency int) {
	const replies = 200
	c, remote := adoptDead(t)
	other := narrow(t, c)
	for range 3 {
		_, err := unix.Write(other, []byte("request"))
		require.NoError(t, err)
	}
	left := func() (n int) { // in order, each longer than the one before
		b := make([]byte, 2*replies)
		for {
			k, err := unix.Read(other, b)
			if err != nil {
				assert.Equal(t, unix.EAGAIN, err)
				return n
			}
			n++
			assert.Equal(t, n, k)
		}
	}
	calls, dropped := 0, 0
	served := make(chan struct{})
	drop := func(err error) {
		dropped++
		assert.ErrorIs(t, err, syscall.EAGAIN)
	}
	serve(t, &dsrudp.Server{
		BatchSize:   1,
		Concurrency: concurrency,
		OnError:     func(_ dsrudp.Path, err error) { drop(err) },
		Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, _ *dsrudp.Packet) {
			n := replies
			switch calls++; calls {
			case 2:
				n = 2
				assert.Positive(t, dropped)
				first := left()
				assert.Positive(t, first)
				assert.Equal(t, replies, first+dropped)
			case 3:
				n = 0
				assert.Equal(t, 2, left())
				assert.EqualValues(t, dropped, c.Stats().SendNoBuffer)
				close(served)
			}
			for i := range n {
				p := packet(bytesOf(i, i+1), dsrudp.Path{Remote: remote, Local: addrPortOf(c.LocalAddr())})
				if err := w.WritePacket(&p); err != nil { // which joins no shorter one
					assert.Equal(t, 1, concurrency)
					drop(err)
				}
			}
		}),
	}, c)
	await(t, served)
}
