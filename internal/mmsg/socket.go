// Package mmsg moves datagrams and their control messages between memory and a UDP
// socket, one or several with one system call, and sets the socket's options.
//
// It does not interpret control messages, nor does it know which source is allowed.
//
// On Linux a transfer is one system call with MSG_DONTWAIT: recvmsg, sendmsg, recvmmsg or
// sendmmsg. It is a raw one unless NewSocket is asked for others, as the scheduler need
// not know of calls that cannot block. Receives are made in RawConn.Read, so that the
// runtime's poller waits and keeps deadlines and Close working. Sends are tried in
// RawConn.Control, which has no lock and no deadline: net's write lock would have a
// writer that waits for room hold up all others. Elsewhere, and with the build tag
// dsrudp_portable, the same types stand on net's own calls.
//
// Errors are those below net's *net.OpError: callers wrap them once.
package mmsg

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// An Addr is the address of a peer as a sockaddr has it, except that an IPv4 address is
// never IPv4-mapped: an AF_INET6 socket's are unmapped and mapped on the way.
type Addr struct {
	AddrPort netip.AddrPort // without zone
	Ifindex  uint32         // the scope of a link-local address, else 0
}

// Received is what one receive brought beside the payload.
type Received struct {
	N       int    // bytes of payload
	Control []byte // control messages, in the memory of the receive and good until the next one
	From    Addr   // the zero Addr where the datagram came without an address
	Flags   int    // see FlagTrunc and FlagCtrunc
}

// A Socket is a UDP socket to move datagrams through. Its methods may be called from
// many goroutines, each with a Msg, In or Out of its own.
type Socket struct {
	conn      *net.UDPConn
	raw       syscall.RawConn
	inet6     bool
	connected bool
	plain     bool

	// TrySend does not ask net's poller, which has the write deadline, too: it is set in
	// both under mu. In nanoseconds since epoch, 0 for none.
	mu            sync.Mutex
	writeDeadline atomic.Int64
}

// NewSocket returns a Socket of conn, whose deadlines are set, and which is closed, by
// the Socket's methods alone from now on. With inet6 conn is an AF_INET6 socket,
// connected that it has a peer, so that messages are sent without an address. Plain has
// system calls made as net makes them, with the scheduler's knowledge: raw ones are
// cheaper, but a stop of the world, with which a garbage collection begins and ends, has
// to wait for the one in progress.
func NewSocket(conn *net.UDPConn, inet6, connected, plain bool) (*Socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &Socket{conn: conn, raw: raw, inet6: inet6, connected: connected, plain: plain}, nil
}

// Control calls f with the descriptor, and returns its error.
func (s *Socket) Control(f func(fd uintptr) error) error {
	var err error
	if e := s.raw.Control(func(fd uintptr) { err = f(fd) }); e != nil {
		return unwrap(e)
	}
	return err
}

// SetReadDeadline acts like [net.UDPConn.SetReadDeadline].
func (s *Socket) SetReadDeadline(t time.Time) error { return unwrap(s.conn.SetReadDeadline(t)) }

// SetWriteDeadline acts like [net.UDPConn.SetWriteDeadline].
func (s *Socket) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.conn.SetWriteDeadline(t); err != nil {
		return unwrap(err)
	}
	deadline := int64(0)
	if !t.IsZero() {
		// One before epoch is as long over as one at epoch. The sum does not overflow
		// before the process is 292 years old.
		deadline = max(1, int64(min(time.Until(t), 1<<62)+now()))
	}
	s.writeDeadline.Store(deadline)
	return nil
}

// WriteExpired returns os.ErrDeadlineExceeded after the write deadline. TrySend does not
// look at it: callers ask before, except a Server, whose last replies leave after Close.
func (s *Socket) WriteExpired() error {
	if d := s.writeDeadline.Load(); d != 0 && int64(now()) >= d {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// Close acts like [net.UDPConn.Close].
func (s *Socket) Close() error {
	err := s.conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeDeadline.Store(0) // a closed socket's error is net.ErrClosed, whatever its deadline
	return unwrap(err)
}

var epoch = time.Now()

// now returns the monotonic time since epoch. It is cheaper than time.Now.
func now() time.Duration { return time.Since(epoch) }

// unwrap takes the error out of net's *net.OpError.
func unwrap(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
