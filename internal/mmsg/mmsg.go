// Package mmsg moves datagrams, with their control messages, between memory
// and a UDP socket. It does not interpret control messages.
//
// On Linux a transfer is one system call with MSG_DONTWAIT: recvmsg or sendmsg, and for
// batches recvmmsg or sendmmsg. It is a raw one (see Plain for the others), as the
// scheduler need not be told of calls that cannot block.
// It is made inside the callback of a [syscall.RawConn], so that the runtime's
// poller waits, and keeps deadlines and Close working; where waiting is not likely,
// in Recv and the sends, it is tried before without asking net, see gate. Elsewhere
// it is net's own call; with the build tag dsrudp_portable, for tests, on Linux too.
//
// Errors are the ones below net's *net.OpError: the exported methods above
// wrap them once.
package mmsg

import (
	"net"
	"net/netip"
	"syscall"
)

// Socket is a UDP socket to move datagrams through. Its methods may be called
// from many goroutines, each with a Msg of its own.
type Socket struct {
	conn  *net.UDPConn
	raw   syscall.RawConn
	inet6 bool
	plain bool
	life  life

	generation func() uint64 // or nil
}

// NewSocket makes a Socket of conn. Inet6 says that conn is an AF_INET6 socket,
// which takes and gives IPv4 addresses in their IPv4-mapped form.
func NewSocket(conn *net.UDPConn, inet6 bool) (*Socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &Socket{conn: conn, raw: raw, inet6: inet6}, nil
}

// Plain has the scheduler told of every system call, as net does, from now on.
// Raw calls are cheaper, but a stop of the world, which the garbage collector
// begins and ends with, has to wait for the one in progress to end.
func (s *Socket) Plain() { s.plain = true }

// Heed has sends that waited, for room in the send buffer or for another send that
// does, look at the number that generation returns, and give up if it is not that of
// their Msg or OutBatch: what they were given may be right no longer. It is to be called
// before any send. Only Linux's sends heed it.
func (s *Socket) Heed(generation func() uint64) { s.generation = generation }

// Generation returns the number of now, 0 if there is none to heed.
func (s *Socket) Generation() uint64 {
	if s.generation == nil {
		return 0
	}
	return s.generation()
}

// Received says what one receive brought.
type Received struct {
	N    int            // bytes of payload
	OOBN int            // bytes of control messages
	From netip.AddrPort // remote address in the form the socket gives it (IPv4-mapped on an AF_INET6 socket), without zone
	// Scope is the interface index of a link-local From, else 0.
	Scope uint32
	// Flags are the message's flags: see FlagTrunc and FlagCtrunc.
	Flags int
}
