package facts_test

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A VIP is withdrawn in the middle of a queue. What was queued before and is read after it
// is not answered: that it was received does not show that the VIP is local now.
func TestPromise5_WithdrawnWhileQueued(t *testing.T) {
	const before, queued = 50, 199
	s := newCable(t)
	vip, to := vips6[0], s.sink(t, client6)
	lc := dsrudp.ListenConfig{ReadBuffer: 200 << 10} // what hosts allow by default
	for _, network := range networks6 {
		t.Run("dsrudp/"+network, func(t *testing.T) {
			c, client := s.conn(t, lc, network, netip.Addr{}), s.dial(t, vip)
			for range before + queued {
				s.ask(t, client)
			}
			for i := range before {
				r, err := ways[i%len(ways)].receive(c)
				require.NoError(t, err)
				require.NoError(t, r.answer(r.payload))
				requireAccepted(t, client, r.payload)
			}
			restore := s.withdraw(t, single(vip))
			var never []string
			for i := range queued {
				r, err := ways[i%len(ways)].receive(c)
				require.NoError(t, err)
				never = append(never, unique("never to leave"))
				requireNotLocal(t, r.answer(never[i]))
			}
			s.requireNotSent(t, never...)
			require.EqualValues(t, queued, c.Stats().Refused)
			s.requireRefused(t, c, vip, to, sends...)
			restore()
			s.requireAnswered(t, c, byPath, client)
		})
		t.Run("dsrudp/Server/"+network, func(t *testing.T) {
			c, client := s.conn(t, lc, network, netip.Addr{}), s.dial(t, vip)
			for range queued {
				s.ask(t, client)
			}
			restore := s.withdraw(t, single(vip))
			refused := make(chan dsrudp.Path, queued)
			never := unique("never to leave")
			serve(t, &dsrudp.Server{
				OnError: func(p dsrudp.Path, err error) {
					assert.ErrorIs(t, err, dsrudp.ErrNotLocal)
					refused <- p
				},
				Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, _ *dsrudp.Packet) {
					_, err := w.Write([]byte(never))
					assert.NoError(t, err)
				}),
			}, c)
			for range queued {
				await(t, refused)
			}
			s.requireNotSent(t, never)
			restore()
		})
	}
}

// Changes of routes cost nothing, however many local routes there are. What the process
// reads by read(2) is counted: its datagrams are not among it, and a table of 30 000
// routes would be, by some megabytes, each time that it is looked through.
func TestPromise5_ManyRoutesChanging(t *testing.T) {
	const routes, changes = 30000, 200
	s := newCable(t)
	nl, ifindex := s.server.Netlink(), index(t, s.server, dev)
	route := func(i int) *netlink.Route {
		a := netip.MustParseAddr(fmt.Sprintf("2001:db8:30::%x:%x", i>>16, i&0xffff))
		return &netlink.Route{
			Dst: ipNet(single(a)), Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST, LinkIndex: ifindex,
		}
	}
	for i := range routes {
		require.NoError(t, nl.RouteAdd(route(i+1)))
	}
	subscribed := subscriptions(t, s)
	c := s.wildcard(t, "udp6")
	clients, b := s.dialAll(t, vips6[0], rangeVIPs[1]), make([]byte, 2048)
	exchange := func() {
		for i, client := range clients {
			request := unique("request")
			_, _, err := client.WriteMsgUDP([]byte(request), nil, nil)
			require.NoError(t, err)
			r, err := ways[i].receive(c)
			require.NoError(t, err)
			require.NoError(t, r.answer(r.payload))
			n, _, _, _, err := client.ReadMsgUDP(b, nil)
			require.NoError(t, err)
			require.Equal(t, request, string(b[:n]))
		}
	}
	exchange()
	before := bytesRead(t)
	for i := range changes {
		require.NoError(t, nl.RouteDel(route(i+1)))
		exchange()
	}
	// An answer has some 100 bytes, and each tick some answers.
	require.Less(t, bytesRead(t)-before, int64(64<<10))
	require.Equal(t, subscribed, subscriptions(t, s), "somebody has changes of routes reported")
}

// bytesRead returns how many bytes the process has read by read(2).
func bytesRead(t *testing.T) (n int64) {
	t.Helper()
	f, err := os.Open("/proc/self/io")
	require.NoError(t, err)
	defer f.Close()
	_, err = fmt.Fscanf(f, "rchar: %d\n", &n)
	require.NoError(t, err)
	return n
}

// subscriptions returns how many netlink sockets in the server's network namespace have
// changes of routes reported, of those that the lab has one.
func subscriptions(t *testing.T, s *site) (n int) {
	t.Helper()
	var table *os.File
	require.NoError(t, s.server.Do(func() (err error) {
		table, err = os.Open("/proc/thread-self/net/netlink")
		return err
	}))
	defer table.Close()
	_, err := fmt.Fscanf(table, "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode\n")
	require.NoError(t, err)
	for {
		var sk, rest string
		var protocol, pid int
		var groups uint32
		read, _ := fmt.Fscanf(table, "%s %d %d %x %s %s %s %s %s %s\n", &sk, &protocol, &pid, &groups, &rest, &rest, &rest, &rest, &rest, &rest)
		if read < 4 {
			return n
		}
		const routeChanges = unix.RTMGRP_IPV6_ROUTE | unix.RTMGRP_IPV4_ROUTE
		if protocol == unix.NETLINK_ROUTE && groups&routeChanges != 0 {
			n++
		}
	}
}
