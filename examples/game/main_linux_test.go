package main

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/examples/internal/site"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) { labtest.ProgramMain(m, main, nil) }

// The players at a VIP are sent the scores of its world from there, and of no other.
func TestProgram(t *testing.T) {
	// On one backend: each has worlds of its own.
	site.Each(t, lab.Options{Backends: 1}, func(t *testing.T, s *site.Site) {
		args := []string{"-listen", fmt.Sprint(":", lab.Port)}
		for i, vip := range s.VIPs {
			args = append(args, fmt.Sprintf("%v=world%d", vip, i))
		}
		site.Start(t, s.Backends[0].Host, args...)

		scores := make([]*bufio.Scanner, 2*len(s.VIPs)) // of two players at each VIP
		for i := range scores {
			conn := s.Dial(t, netip.AddrPortFrom(s.VIPs[i/2], lab.Port))
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(site.Patience)))
			out, in := io.Pipe()
			t.Cleanup(func() { out.Close() })
			go func() { in.CloseWithError(play(conn, fmt.Sprint("player", i), in)) }()
			scores[i] = bufio.NewScanner(out)
		}
		for i, player := range scores {
			pair := []string{fmt.Sprint("player", i/2*2), fmt.Sprint("player", i/2*2+1)}
			for n := 0; n < len(pair); {
				require.True(t, player.Scan(), player.Err())
				world, text, _ := strings.Cut(player.Text(), ": ")
				require.Equal(t, fmt.Sprint("world", i/2), world)
				var names []string
				for score := range strings.SplitSeq(text, ", ") {
					name, _, _ := strings.Cut(score, " ")
					names = append(names, name)
				}
				require.Subset(t, pair, names)
				n = len(names)
			}
		}
	})
}

// send has a handler handle a datagram, and returns the replies.
func send(h dsrudp.Handler, from, payload string) (replies []string) {
	request := &dsrudp.Packet{Buf: []byte(payload), N: len(payload)}
	request.Path = dsrudp.Path{Local: netip.MustParseAddrPort("198.51.100.2:1"), Remote: netip.MustParseAddrPort(from)}
	h.ServePacket(dsrudp.NewReplyWriter(request, func(reply *dsrudp.Packet) error {
		replies = append(replies, string(reply.Payload()))
		return nil
	}), request)
	return replies
}

// Scores are sent to who has shown to receive at an address, by its token, until nothing
// comes from there for a while.
func TestWorld(t *testing.T) {
	const client, other = "203.0.113.2:7", "203.0.113.3:7"
	w := newWorld("forest")
	move := func(token string) string { return fmt.Sprintf("play %s ann", token) }
	replies := send(w, client, move(strings.Repeat("0", 16)))
	require.Len(t, replies, 1)
	require.LessOrEqual(t, len(replies[0]), len(move(strings.Repeat("0", 16))), "no more than was asked with")
	token := strings.TrimPrefix(replies[0], "token ")

	require.NotEmpty(t, send(w, other, move(token)), "another client's token")
	require.Empty(t, send(w, client, move("")))
	require.Empty(t, send(w, client, move(token)+strings.Repeat("n", maxName)))
	require.Empty(t, w.tick(time.Now()))
	require.Empty(t, send(w, client, move(token)))
	require.Empty(t, send(w, client, move(token)))

	scores := w.tick(time.Now())
	require.Len(t, scores, 1)
	require.Equal(t, netip.MustParseAddrPort(client), scores[0].Path.Remote)
	require.Equal(t, "forest: ann 2", string(scores[0].Payload()))
	require.Empty(t, w.tick(time.Now().Add(patience+time.Second)))
}

// Above its limit a network is not served, and others are.
func TestLimit(t *testing.T) {
	h := limit(dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) { w.Write([]byte("served")) }), 0, 2)
	for _, test := range []struct {
		from   string
		served bool
	}{
		{"203.0.113.2:1", true},
		{"203.0.113.2:2", true},
		{"203.0.113.2:1", false},
		{"203.0.113.3:1", true},
		{"[2001:db8::1]:1", true},
		{"[2001:db8::2]:1", true},
		{"[2001:db8::3]:1", false},
		{"[2001:db8:0:1::1]:1", true},
	} {
		require.Equal(t, test.served, len(send(h, test.from, "")) > 0, test.from)
	}
}
