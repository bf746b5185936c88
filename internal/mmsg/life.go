package mmsg

import (
	"sync"
	"sync/atomic"
	"time"
)

// life is what ends a Socket's calls: deadlines and Close. Both are net's, and the
// gates are shut before net is told.
type life struct {
	mu    sync.Mutex // for who shuts or opens the gates
	owned bool       // until Close

	expired atomic.Bool // Expire was called

	fd            uintptr // good inside a gate
	reads, writes gate
}

// Own says that conn is the Socket's own: its deadlines are set, and it is closed,
// by the Socket's methods alone, and no deadline is set now.
func (s *Socket) Own() error {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if err := s.raw.Control(func(fd uintptr) { s.life.fd = fd }); err != nil {
		return err
	}
	s.life.owned = true
	s.life.reads.open()
	s.life.writes.open()
	return nil
}

// Close acts like [net.UDPConn.Close].
func (s *Socket) Close() error {
	s.life.end()
	return s.conn.Close()
}

// end shuts the gates for ever.
func (l *life) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owned = false
	l.reads.shut()
	l.writes.shut()
}

// Expire ends calls that wait, and has others fail from now on, with
// os.ErrDeadlineExceeded; but not those that do not look at a deadline: TryRange, Poll,
// and an OutBatch's sends within a Loop. (Where those are net's they do look, and go by
// expired instead.)
func (s *Socket) Expire() error {
	s.life.expired.Store(true)
	return s.SetDeadline(time.Unix(1, 0))
}

// SetDeadline acts like [net.UDPConn.SetDeadline].
func (s *Socket) SetDeadline(t time.Time) error {
	return s.setDeadline(t, s.conn.SetDeadline, &s.life.reads, &s.life.writes)
}

// SetReadDeadline acts like [net.UDPConn.SetReadDeadline].
func (s *Socket) SetReadDeadline(t time.Time) error {
	return s.setDeadline(t, s.conn.SetReadDeadline, &s.life.reads)
}

// SetWriteDeadline acts like [net.UDPConn.SetWriteDeadline].
func (s *Socket) SetWriteDeadline(t time.Time) error {
	return s.setDeadline(t, s.conn.SetWriteDeadline, &s.life.writes)
}

func (s *Socket) setDeadline(t time.Time, set func(time.Time) error, gates ...*gate) error {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	for _, g := range gates {
		g.close() // who is inside came before the deadline, or meets with it in net
	}
	err := set(t)
	if err == nil && t.IsZero() && s.life.owned {
		for _, g := range gates {
			g.open()
		}
	}
	return err
}
