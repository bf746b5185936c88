package localroute

import (
	"io"
	"net/netip"
)

var OnThrowawayThread = onThrowawayThread

// WithoutCookies makes the kernel one that does not know SO_NETNS_COOKIE.
func WithoutCookies(err error) (restore func()) {
	before := socketCookie
	socketCookie = func(int) (uint64, error) { return 0, err }
	return func() { socketCookie = before }
}

// Watch has t read notifications from r and returns when r ends.
func (t *Table) Watch(r io.Reader) { t.watch(r) }

// OpenUnwatched returns the two sockets of a Table of the calling thread's
// namespace, subscribed.
func OpenUnwatched() (ask, watch int, err error) {
	s, err := openSockets()
	return s.ask, s.watch, err
}

// AskAndLeave asks about a and leaves the answer unread.
func (t *Table) AskAndLeave(a netip.Addr) error {
	q := t.handle.asker
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seq++
	return q.send(appendRouteGet(nil, q.seq, a, 0))
}

// ParseReply returns what parseReply makes of b, and ParseDump likewise.
func ParseReply(b []byte, seq uint32, a netip.Addr) (answer Answer, done bool, err error) {
	r, done, err := parseReply(b, seq, a)
	return Answer{Local: r.local, Watched: r.watched, Prefix: r.prefix}, done, err
}

func ParseDump(b []byte, seq uint32, p netip.Prefix) (hole, done bool, err error) {
	return parseDump(b, seq, p)
}

// VoidsAnswers reports whether a notification does, and EndsLater whether it does again
// later.
func VoidsAnswers(b []byte) bool { return effectOf(b) != unrelated }
func EndsLater(b []byte) bool    { return effectOf(b) == ending }
