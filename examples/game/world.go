package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

const (
	maxPlayers = 40 // whose scores fit in one datagram
	maxName    = 16
	patience   = 10 * time.Second // after which a player who sends nothing has left
)

// A world has a session for each path: for each player, by the VIP that the player asked.
type world struct {
	name   string
	secret string

	mu      sync.Mutex
	players map[dsrudp.Path]*player
}

type player struct {
	name  string
	score int
	seen  time.Time
}

func newWorld(name string) *world {
	return &world{name: name, secret: rand.Text(), players: make(map[dsrudp.Path]*player)}
}

// ServePacket handles "play TOKEN NAME". Whoever knows the path's token receives at the
// address, and is no forged source that the scores would flood. Others are sent the token, in
// a datagram that is no longer than theirs.
func (w *world) ServePacket(reply dsrudp.ReplyWriter, p *dsrudp.Packet) {
	request := strings.Fields(string(p.Payload()))
	token := w.token(p.Path)
	switch {
	case len(request) != 3 || request[0] != "play" || len(request[1]) != len(token) || len(request[2]) > maxName:
	case request[1] != token:
		reply.Write([]byte("token " + token)) // what fails is counted, and the player asks again
	default:
		w.score(p.Path, request[2])
	}
}

func (w *world) token(p dsrudp.Path) string {
	h := hmac.New(sha256.New, []byte(w.secret))
	h.Write([]byte(p.String()))
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

func (w *world) score(p dsrudp.Path, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.players[p] == nil {
		if len(w.players) == maxPlayers {
			return
		}
		w.players[p] = &player{name: name}
	}
	w.players[p].score++
	w.players[p].seen = time.Now()
}

// tick has players leave who sent nothing for long, and returns the scores for the others.
func (w *world) tick(now time.Time) (ps []dsrudp.Packet) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var scores []string
	for path, player := range w.players {
		if now.Sub(player.seen) > patience {
			delete(w.players, path)
			continue
		}
		scores = append(scores, fmt.Sprintf("%s %d", player.name, player.score))
		ps = append(ps, dsrudp.Packet{Path: path})
	}
	slices.Sort(scores)
	text := []byte(w.name + ": " + strings.Join(scores, ", "))
	for i := range ps {
		ps[i].Buf, ps[i].N = text, len(text)
	}
	return ps
}

// limit drops datagrams of a client's network above so many in a second. It is a handler
// around another one.
func limit(next dsrudp.Handler, perSecond rate.Limit, burst int) dsrudp.Handler {
	var mu sync.Mutex
	limiters := make(map[netip.Prefix]*rate.Limiter)
	return dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		bits := 32
		if p.Path.Remote.Addr().Is6() {
			bits = 64 // one client has as many addresses as it likes
		}
		client, _ := p.Path.Remote.Addr().WithZone("").Prefix(bits)
		mu.Lock()
		l := limiters[client]
		if l == nil {
			if len(limiters) == 1<<16 { // of forged sources
				clear(limiters)
			}
			l = rate.NewLimiter(perSecond, burst)
			limiters[client] = l
		}
		mu.Unlock()
		if l.Allow() {
			next.ServePacket(w, p)
		}
	})
}
