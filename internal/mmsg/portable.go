//go:build !linux || dsrudp_portable

package mmsg

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"
)

// The same types on net's own calls. A batch is received one datagram at a time and sent
// one message at a time. A send waits inside net, until the write deadline, and never
// returns ErrWouldBlock, so that WaitRoom has nothing to do.

const (
	// MaxIn is how many datagrams one receive should take at most.
	MaxIn = 1
	// MaxOut is how many messages one send should be given at most.
	MaxOut = 32
)

// A Msg is the memory of one call; net keeps its own.
type Msg struct {
	Room [512]byte // for the caller: control messages, received or built
}

// NewMsg returns a Msg for any number of calls.
func NewMsg() *Msg { return new(Msg) }

// Recv receives one datagram into b and its control messages into control, waits for it
// until the read deadline or Close, and stores in r what came. With an error r is not
// changed.
func (s *Socket) Recv(_ *Msg, b, control []byte, r *Received) error {
	n, cn, flags, from, err := s.conn.ReadMsgUDPAddrPort(b, control)
	if err != nil {
		return unwrap(err)
	}
	*r = Received{N: n, Control: control[:cn], Flags: flags}
	if ip := from.Addr(); ip.IsValid() {
		r.From = Addr{netip.AddrPortFrom(ip.Unmap().WithZone(""), from.Port()), ifindexOf(ip.Zone())}
	}
	return nil
}

// ifindexOf returns the index of the interface that net calls by its name or, where it
// knows none, by digits.
func ifindexOf(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if i, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(i)
	}
	ifi, err := net.InterfaceByName(zone)
	if err != nil {
		return 0
	}
	return uint32(ifi.Index)
}

// lastWait is the longest that a send waits after the write deadline.
const lastWait = 10 * time.Millisecond

// TrySend sends b with the control messages control to the address to, which is ignored
// where the Socket is connected. It waits for room in the send buffer.
func (s *Socket) TrySend(_ *Msg, b, control []byte, to *Addr) (int, error) {
	s.mu.Lock()
	var err error
	if s.WriteExpired() != nil {
		// Net would not even try. Callers that go by the deadline have asked before.
		err = s.conn.SetWriteDeadline(time.Now().Add(lastWait))
	}
	s.mu.Unlock()
	if err != nil {
		return 0, unwrap(err)
	}
	if s.connected && len(control) == 0 {
		// Net takes a message without an address only where it knows that the socket is
		// connected, and does not if it was given it as a file.
		n, err := s.conn.Write(b)
		return max(0, n), unwrap(err)
	}
	var remote netip.AddrPort
	if !s.connected {
		remote = to.AddrPort
		if to.Ifindex != 0 && remote.Addr().Is6() {
			// Net takes an interface index in digits for a zone's name.
			zone := strconv.FormatUint(uint64(to.Ifindex), 10)
			remote = netip.AddrPortFrom(remote.Addr().WithZone(zone), remote.Port())
		}
	}
	n, _, err := s.conn.WriteMsgUDPAddrPort(b, control, remote)
	return max(0, n), unwrap(err)
}

// WaitRoom does nothing: TrySend waits.
func (s *Socket) WaitRoom(time.Duration) error { return nil }

// errFlags is the error for flags, of which net's calls take none.
var errFlags = fmt.Errorf("flags of a batch: %w", errors.ErrUnsupported)

// An In is the memory of a receive.
type In struct {
	sock     *Socket
	buffers  [][]byte
	control  []byte
	received Received
}

// NewIn returns an In, with room for so many bytes of control messages.
func (s *Socket) NewIn(_, controlRoom int) *In {
	return &In{sock: s, control: make([]byte, controlRoom)}
}

// SetBuffer sets the buffer of message 0, the only one there is, until it is called again.
func (in *In) SetBuffer(i int, b []byte) { in.SetBuffers(i, b) }

// SetBuffers has message 0, the only one there is, received into bs, one filled after the
// other, until it is called again.
func (in *In) SetBuffers(i int, bs ...[]byte) {
	if i == 0 {
		clear(in.buffers)
		in.buffers = append(in.buffers[:0], bs...)
	}
}

// Want returns how many of n datagrams the next Recv should be given buffers for.
func (in *In) Want(n int) int { return min(n, MaxIn) }

// Release drops the buffers.
func (in *In) Release(int) { clear(in.buffers) }

// Recv receives one datagram, and waits for it until the read deadline or Close.
func (in *In) Recv(_, flags int) (int, error) {
	if flags != 0 {
		return 0, errFlags
	}
	var b []byte
	if len(in.buffers) == 1 {
		b = in.buffers[0]
	} else {
		b = slices.Concat(in.buffers...) // net fills one buffer
	}
	if err := in.sock.Recv(nil, b, in.control, &in.received); err != nil {
		return 0, err
	}
	b = b[:in.received.N]
	for _, p := range in.buffers {
		b = b[copy(p, b):]
	}
	return 1, nil
}

// pollWait is how long Poll waits. Net does not try after a deadline that has passed, and a
// busy machine takes a while from setting one to the try.
const pollWait = 50 * time.Millisecond

// Poll is Recv that waits no longer than pollWait, whatever the deadline, which it changes.
// It returns 0 where nothing is queued.
func (in *In) Poll() (int, error) {
	if err := in.sock.SetReadDeadline(time.Now().Add(pollWait)); err != nil {
		return 0, err
	}
	n, err := in.Recv(1, 0)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, nil
	}
	return n, err
}

// Loop receives datagrams into the buffers that were set and calls f for each, until f
// returns false or a receive fails, whose error it returns.
func (in *In) Loop(f func(n int) bool) error {
	for {
		n, err := in.Recv(1, 0)
		if err != nil || !f(n) {
			return err
		}
	}
}

// Message stores in r what message 0 brought.
func (in *In) Message(_ int, r *Received) { *r = in.received }

// An Out gathers messages, and payloads until Reset.
type Out struct {
	sock     *Socket
	messages []message
	len      int
}

type message struct {
	to      Addr
	room    []byte // for control messages
	control []byte
	payload []byte
}

// NewOut returns an Out for up to n messages, each with room for so many bytes of control
// messages.
func (s *Socket) NewOut(n, controlRoom int) *Out {
	o := &Out{sock: s, messages: make([]message, n)}
	for i := range o.messages {
		o.messages[i].room = make([]byte, 0, controlRoom)
	}
	return o
}

// Control returns the next message's room for control messages, empty, to append to.
func (o *Out) Control() []byte { return o.messages[o.len].room }

// Begin begins a message, of which there must be room for one more, to the address to,
// which is ignored where the Socket is connected. Control, perhaps what Control returned
// with something appended, is kept until a message in the same place has others.
func (o *Out) Begin(to *Addr, control []byte) {
	m := &o.messages[o.len]
	o.len++
	m.control, m.payload = control, m.payload[:0]
	if !o.sock.connected {
		m.to = *to
	}
}

// ControlOf returns the control messages of message i, to append to.
func (o *Out) ControlOf(i int) []byte { return o.messages[i].control }

// SetControl sets the control messages of message i.
func (o *Out) SetControl(i int, control []byte) { o.messages[i].control = control }

// Append adds p to the payload of message i. There is always room.
func (o *Out) Append(i int, p []byte) bool {
	m := &o.messages[i]
	m.payload = append(m.payload, p...)
	return true
}

// Payload appends the payload of message i to b.
func (o *Out) Payload(i int, b []byte) []byte { return append(b, o.messages[i].payload...) }

// TrySend sends messages [from, to) one by one, and returns how many were sent. An error
// is that of message from, and none was sent.
func (o *Out) TrySend(from, to, flags int) (n int, err error) {
	if flags != 0 {
		return 0, errFlags
	}
	for i := from; i < to; i++ {
		m := &o.messages[i]
		if _, err = o.sock.TrySend(nil, m.payload, m.control, &m.to); err != nil {
			break
		}
		n++
	}
	if n > 0 {
		err = nil // it comes again with the rest
	}
	return n, err
}

// Reset drops the messages.
func (o *Out) Reset() { o.len = 0 }
