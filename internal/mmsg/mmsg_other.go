//go:build !linux || dsrudp_portable

package mmsg

import (
	"net"
	"net/netip"
	"os"
	"strconv"
)

// Msg is the memory one system call works on; net keeps its own here.
type Msg struct {
	// Gen is for systems whose sends heed it.
	Gen uint64
}

// NewMsg returns a Msg for any number of calls.
func NewMsg() *Msg { return new(Msg) }

// Init prepares a Msg that is part of another object.
func (m *Msg) Init() {}

// Recv receives one datagram into b and its control messages into oob, waiting
// for it until the read deadline or Close, and sets r to what came. With an error
// r is not changed.
func (s *Socket) Recv(_ *Msg, b, oob []byte, r *Received) error {
	n, oobn, flags, from, err := s.conn.ReadMsgUDPAddrPort(b, oob)
	if err != nil {
		return unwrap(err)
	}
	*r = Received{N: n, OOBN: oobn, Flags: flags, From: from}
	if zone := from.Addr().Zone(); zone != "" {
		r.From = netip.AddrPortFrom(from.Addr().WithZone(""), from.Port())
		r.Scope = scopeOf(zone)
	}
	return nil
}

// Send sends b with the control messages oob to the remote address to, or, when
// that is nil, to the connected peer. Scope is the interface index of a link-local
// remote address, else 0.
func (s *Socket) Send(_ *Msg, b, oob []byte, to *netip.AddrPort, scope uint32) (int, error) {
	if s.life.expired.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	return s.send(b, oob, to, scope)
}

func (s *Socket) send(b, oob []byte, to *netip.AddrPort, scope uint32) (int, error) {
	if to == nil && len(oob) == 0 {
		// Net takes a message without an address only where it knows that the socket
		// is connected; and does not if it was given it as a file.
		n, err := s.conn.Write(b)
		if err != nil {
			return 0, unwrap(err)
		}
		return n, nil
	}
	var remote netip.AddrPort
	if to != nil {
		remote = *to
	}
	if scope != 0 && remote.Addr().Is6() {
		// net takes an interface index in digits for a zone's name.
		zone := strconv.FormatUint(uint64(scope), 10)
		remote = netip.AddrPortFrom(remote.Addr().WithZone(zone), remote.Port())
	}
	n, _, err := s.conn.WriteMsgUDPAddrPort(b, oob, remote)
	if err != nil {
		return 0, unwrap(err)
	}
	return n, nil
}

func scopeOf(zone string) uint32 {
	if i, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(i)
	}
	ifi, err := net.InterfaceByName(zone)
	if err != nil {
		return 0
	}
	return uint32(ifi.Index)
}
