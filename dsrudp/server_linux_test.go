package dsrudp_test

import (
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestPromise4_ServerListenN: one Server for a set of sockets, and clients of two VIPs on
// many ports at once: each gets its own replies, in order, though half of them leave by
// other goroutines. Under -race this looks for shared memory too.
func TestPromise4_ServerListenN(t *testing.T) {
	const conns, clients, rounds = 4, 24, 40
	for network, concurrency := range map[string]int{"udp4": 0, "udp": 8} {
		cs, err := new(dsrudp.ListenConfig).ListenN(t.Context(), network, ":0", conns)
		require.NoError(t, err)
		s := &dsrudp.Server{Concurrency: concurrency, Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			if p.Buf[p.N-1]%2 == 0 {
				echoing(t).ServePacket(w, p)
				return
			}
			late, q := w.Conn(), p.Clone()
			go func() {
				n, err := late.WritePackets([]dsrudp.Packet{*q})
				assert.Equal(t, 1, n, err)
			}()
		})}
		v := serve(t, s, cs...)
		askAll(t, cs[0], clients, rounds)
		require.NoError(t, s.Shutdown(t.Context()))
		require.Equal(t, dsrudp.ErrServerClosed, v.wait(t))
		for _, c := range cs {
			require.ErrorIs(t, c.Close(), net.ErrClosed)
		}
		require.True(t, isFree(cs[0]))
	}
}

// TestPromise9_CloseWithoutPlace: Close ends a Conn whose reader waits for a place that the
// handler of another Conn has, without waiting for that. All calls of Serve share the places.
func TestPromise9_CloseWithoutPlace(t *testing.T) {
	a, b := listen(t, "udp", ":0"), listen(t, "udp", ":0")
	in, release := make(chan struct{}), make(chan struct{})
	s := &dsrudp.Server{Concurrency: 1, Handler: dsrudp.HandlerFunc(func(dsrudp.ReplyWriter, *dsrudp.Packet) {
		in <- struct{}{}
		<-release
	})}
	serve(t, s, a)
	defer close(release)
	enqueue(t, 1, dialVIP(t, a, loopback6))
	await(t, in)
	serve(t, s, b)
	enqueue(t, 1, dialVIP(t, b, loopback6))
	soon(t, "it was read", func() (read bool) {
		onFd(t, b, func(fd int) {
			queued, err := unix.IoctlGetInt(fd, unix.SIOCINQ) // bytes of the next datagram
			require.NoError(t, err)
			read = queued == 0
		})
		return read
	})
	require.NoError(t, b.Close())
	soon(t, "it is closed", func() bool { return isFree(b) })
}

// TestPromise9_ServerIdle: Close and a read deadline end the serving of an idle Conn and of no
// other, and Shutdown ends all, also where the sockets' O_NONBLOCK was cleared.
func TestPromise9_ServerIdle(t *testing.T) {
	if !apart(t, "a call waits for the Server's reader of an idle Conn") {
		return
	}
	for name, tc := range ends {
		t.Run(name, func(t *testing.T) {
			cs := []*dsrudp.Conn{listen(t, "udp", ":0"), listen(t, "udp", ":0")}
			for _, c := range cs {
				require.NoError(t, c.SetDeadline(time.Time{}))
				f, err := c.File()
				require.NoError(t, err)
				f.Fd()
				require.NoError(t, f.Close())
			}
			onError, failures := collecting()
			s := &dsrudp.Server{Handler: echoing(t), OnError: onError}
			v := serve(t, s, cs...)
			x, y := dialVIP(t, cs[0], loopback6), dialVIP(t, cs[1], loopback6)
			begun(t, x, y)
			for range 20 { // the readers may not be waiting yet at the first of these
				runtime.GC()
			}
			begun(t, x, y)
			require.NoError(t, tc.end(s, cs[0]))
			soon(t, "the first is closed", func() bool { return isFree(cs[0]) })
			if name != "Shutdown" {
				begun(t, y)
				require.NoError(t, cs[1].Close())
			}
			require.ErrorIs(t, v.wait(t), tc.want)
			require.True(t, isFree(cs[0]) && isFree(cs[1]))
			require.Empty(t, failures)
		})
	}
}

// TestPromise8_ServerReleases: no goroutine, descriptor or buffer stays behind when the
// serving of a Conn has ended, in whichever way.
func TestPromise8_ServerReleases(t *testing.T) {
	if !apart(t, "it did not end") {
		return
	}
	s := &dsrudp.Server{Handler: echoing(t), Concurrency: 2}
	var kept []any // as who is forgotten is collected
	cycle := func() {
		for _, how := range []string{"Close", "read deadline", "Shutdown"} {
			end := ends[how].end
			cs, err := (&dsrudp.ListenConfig{GRO: true}).ListenN(t.Context(), "udp", ":0", 2)
			require.NoError(t, err)
			kept = append(kept, cs, s)
			ended := make(chan error)
			go func() { ended <- s.Serve(cs...) }()
			x := dialVIP(t, cs[0], loopback6)
			begun(t, x)
			require.NoError(t, end(s, cs[0]))
			_ = end(s, cs[1]) // which Shutdown has closed
			require.Error(t, await(t, ended))
			require.NoError(t, x.Close())
		}
		s = &dsrudp.Server{Handler: echoing(t), Concurrency: 2}
	}
	descriptors := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(all)
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC() // a sync.Pool keeps what it has for another cycle
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	cycle() // what the runtime opens once
	soon(t, "goroutines have ended", func() bool { return runtime.NumGoroutine() <= 2 })
	fds, bytes := descriptors(), heap()
	for range 10 {
		cycle()
	}
	soon(t, "descriptors are closed", func() bool { return descriptors() <= fds })
	soon(t, "goroutines have ended", func() bool { return runtime.NumGoroutine() <= 2 })
	require.Less(t, heap(), bytes+4<<20, "60 readers have had 4.2 MB each")
	runtime.KeepAlive(kept)
}

// Clients send five datagrams as one, each of another letter from mark on, the last shorter.
const segmentSize, segmentsLen = 100, 450

func sendSegments(t *testing.T, x *net.UDPConn, mark byte) string {
	t.Helper()
	b := make([]byte, segmentsLen)
	for i := range b {
		b[i] = mark + byte(i/segmentSize)
	}
	writeSegmented(t, x, string(b), segmentSize)
	return string(b)
}

// TestServerGRO: the handler is called for each datagram of what GRO joined, with the mark
// of its own, whatever it did with the Packet before. The replies leave as one again, or one
// by one without offload, from the address that was asked.
func TestServerGRO(t *testing.T) {
	for _, at := range segmentEndpoints[:3] {
		for _, single := range []bool{false, true} {
			c := listenWith(t, &dsrudp.ListenConfig{GRO: true, ECN: true, NoOffload: single}, at.network, at.address)
			x, y := dialSegmented(t, c, at.asked[0]), dialSegmented(t, c, at.asked[1])
			setClass(t, x, at.asked[0], int(dsrudp.ECT0))
			setClass(t, y, at.asked[1], int(dsrudp.CE))
			sentX, sentY := sendSegments(t, x, 'a'), sendSegments(t, y, 'k')
			write(t, x, "single")
			var calls []dsrudp.Packet
			v := serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				calls = append(calls, *p.Clone())
				if p.N != len("single") {
					assert.Equal(t, p.N, len(p.Buf))
					assert.Equal(t, p.N, cap(p.Buf), "an append would write to the next datagram")
				}
				assert.NoError(t, writing(w, p))
				*p = dsrudp.Packet{}
			})}, c)
			var want []dsrudp.Packet
			expect := func(x *net.UDPConn, sent string, ecn dsrudp.ECN) {
				var replies []segmented
				for part := range slices.Chunk([]byte(sent), segmentSize) {
					p := packet(string(part), between(x))
					p.ECN, p.Interface = ecn, lo
					want = append(want, p)
					replies = append(replies, segmented{string(part), 0})
				}
				if !single && len(replies) > 1 {
					replies = []segmented{{sent, segmentSize}}
				}
				for _, r := range replies {
					require.Equal(t, r, readSegmented(t, x))
				}
			}
			expect(x, sentX, dsrudp.ECT0)
			expect(y, sentY, dsrudp.CE)
			expect(x, "single", dsrudp.ECT0)
			require.NoError(t, c.Close())
			require.ErrorIs(t, v.wait(t), net.ErrClosed)
			require.Equal(t, want, calls)
			requireTraffic(t, c, 11, 2*segmentsLen+len("single"))
		}
	}
}

// TestPromise7_ServerGROPanic: a panic at one datagram of what GRO joined costs no other its
// reply, and Close at one ends it there.
func TestPromise7_ServerGROPanic(t *testing.T) {
	c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, "udp", ":0")
	x, y := dialSegmented(t, c, vips[0]), dialSegmented(t, c, vips[1])
	sentX, sentY := sendSegments(t, x, 'a'), sendSegments(t, y, 'k')
	v := serve(t, &dsrudp.Server{ErrorLog: slog.New(slog.DiscardHandler), Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if p.Buf[0] == 'c' {
			panic("at the third")
		}
		echoing(t).ServePacket(w, p)
		if p.Buf[0] == 'l' {
			assert.NoError(t, c.Close())
		}
	})}, c)
	require.ErrorIs(t, v.wait(t), net.ErrClosed)
	requireSegmented(t, x, segmented{strings.ReplaceAll(sentX, strings.Repeat("c", segmentSize), ""), segmentSize})
	requireSegmented(t, y, segmented{sentY[:2*segmentSize], segmentSize})
	require.EqualValues(t, 1, c.Stats().Panics)
}

// TestPromise3_ServerBroadcast: a request to a broadcast address, and each datagram of what
// GRO joined, has it in OrigDst, and is answered from the interface's own address.
func TestPromise3_ServerBroadcast(t *testing.T) {
	group, own := netip.MustParseAddr("127.255.255.255"), netip.MustParseAddr("127.0.0.1")
	for _, s := range wildcards[:3] { // those that receive IPv4
		c := listenWith(t, &dsrudp.ListenConfig{GRO: true}, s.network, s.address)
		// The answer comes from another address than was asked, so x is connected only while
		// it asks.
		x := dial(t, netip.AddrPort{}, netip.AddrPortFrom(group, portOf(c)))
		write(t, x, "to all")
		sent := sendSegments(t, x, 'a')
		at := addrPortOf(x.LocalAddr())
		require.NoError(t, x.Close())
		x = dial(t, netip.AddrPortFrom(own, at.Port()), netip.AddrPortFrom(own, portOf(c)))
		single := dialVIP(t, c, vips[0])
		write(t, single, "to one")
		serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			want := group
			if string(p.Payload()) == "to one" {
				want = netip.Addr{}
			}
			assert.Equal(t, want, p.OrigDst)
			assert.NoError(t, writing(w, p))
			*p = dsrudp.Packet{}
		})}, c)
		require.Equal(t, "to all", read(t, x))
		for part := range slices.Chunk([]byte(sent), segmentSize) {
			require.Equal(t, string(part), read(t, x))
		}
		require.Equal(t, "to one", read(t, single))
	}
}

// TestReplyECN: WritePacket sends the Packet's mark, which is the request's in an echo, and
// Write none.
func TestReplyECN(t *testing.T) {
	for network, vip := range map[string]netip.Addr{"udp4": vips[0], "udp": vips[1], "udp6": loopback6} {
		c := listenWith(t, &dsrudp.ListenConfig{ECN: true}, network, ":0")
		x := dialVIP(t, c, vip)
		setsockopts(t, x, recvClass(vip))
		setClass(t, x, vip, int(dsrudp.ECT1))
		serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			assert.NoError(t, writing(w, p))
			echoing(t).ServePacket(w, p)
			p.ECN = dsrudp.CE
			echoing(t).ServePacket(w, p)
			assert.NoError(t, writing(w, p))
		})}, c)
		write(t, x, "request")
		for _, want := range []dsrudp.ECN{dsrudp.NotECT, dsrudp.ECT1, dsrudp.CE, dsrudp.NotECT} {
			require.EqualValues(t, want, readClass(t, x, vip), network)
		}
	}
}

// TestReplySizes: replies of any length, more of them than one system call holds, and segments
// of more than one message or the Server's memory holds, arrive whole and in order at two
// clients, though they were written in turns.
func TestReplySizes(t *testing.T) {
	for _, noOffload := range []bool{false, true} {
		for _, tc := range []struct{ size, n int }{{1000, 65537}, {1472, 1<<17 + 1}, {65507, 2*65507 + 1}, {7, 2000}} {
			c := listenWith(t, &dsrudp.ListenConfig{NoOffload: noOffload}, "udp", ":0")
			x, y := dialOnePort(t, c, vips[0], vips[1])
			each := func(f func(client *net.UDPConn, payload string, size int)) {
				for _, client := range []*net.UDPConn{x, y} {
					for i := range 20 {
						f(client, bytesOf(1, i), 0) // the longer one cannot join the one before
					}
				}
				for _, client := range []*net.UDPConn{x, y} {
					f(client, bytesOf(1, tc.n), tc.size)
					f(client, "behind", 0)
				}
			}
			serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
				each(func(client *net.UDPConn, payload string, size int) {
					q := packet(payload, between(client))
					q.SegmentSize = size
					assert.NoError(t, w.WritePacket(&q))
					clear(q.Buf) // it was copied
				})
			})}, c)
			for _, client := range []*net.UDPConn{x, y} {
				require.NoError(t, client.SetReadBuffer(1<<20))
			}
			write(t, x, "request")
			b := make([]byte, 1<<16)
			each(func(client *net.UDPConn, payload string, size int) {
				for first := true; first || len(payload) > 0; first = false {
					n, err := client.Read(b)
					require.NoError(t, err, "%d bytes by %d are missing", len(payload), size)
					if size == 0 || size > len(payload) {
						size = len(payload)
					}
					require.Equal(t, size, n)
					require.True(t, payload[:n] == string(b[:n]))
					payload = payload[n:]
				}
			})
			requireNothing(t, x)
			requireNothing(t, y)
			require.Zero(t, c.Stats().SendFailed)
			require.Zero(t, c.Stats().OffloadFallbacks)
		}
	}
}

// TestPromise1_ReplyNoPath: a datagram whose local address was lost is given to the
// handler without, and cannot be answered.
func TestPromise1_ReplyNoPath(t *testing.T) {
	u, err := net.ListenUDP("udp4", nil)
	require.NoError(t, err)
	x, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer x.Close()
	_, err = x.WriteTo([]byte("lost"), &net.UDPAddr{IP: net.IPv4(127, 255, 255, 255), Port: int(portOf(u))})
	require.NoError(t, err)
	c := adopt(t, u) // only now does the socket have IP_PKTINFO
	known := dialVIP(t, c, vips[0])
	enqueue(t, 1, known)
	serve(t, &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		if string(p.Payload()) != "lost" {
			echoing(t).ServePacket(w, p)
			return
		}
		assert.Equal(t, dsrudp.Path{Remote: addrPortOf(x.LocalAddr())}, p.Path)
		assertWriteError(t, writing(w, p), dsrudp.ErrNoPath, p.Path.Remote)
		assertWriteError(t, w.WritePacket(p), dsrudp.ErrNoPath, p.Path.Remote)
	})}, c)
	requireEchoes(t, 1, known)
	require.EqualValues(t, 1, c.Stats().LostPath)
	require.EqualValues(t, 2, c.Stats().Refused)
}
