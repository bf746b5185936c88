//go:build linux

// Package load is a load generator for UDP echo servers. It writes to many
// addresses of one server, checks that each reply comes from the address that
// its request went to, and reads the CPU time that the server took meanwhile.
//
// It is written for as little of its own cost as possible, as it may share a
// processor with the server: one thread, sendmmsg(2) and recvmmsg(2) on memory
// laid out once, nothing for the garbage collector.
package load

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// A Load says what to send for one window of time.
type Load struct {
	// PID is the server's process and Port its port.
	PID, Port int
	// IPv6 says which of the families to use.
	IPv6 bool
	// VIPs is the number of the server's addresses to write to, and Clients
	// that of the addresses to write from; 0 and 1 are one.
	VIPs, Clients int
	// Sockets is the number of client sockets. 0 is one.
	Sockets int
	// Size is the length in bytes of a datagram's payload, at least HeaderLen.
	Size int
	// Segments is the number of datagrams that leave in one UDP_SEGMENT send, and
	// so reach a server with UDP_GRO as one. 0 and 1 turn it off.
	Segments int
	// Flow is the number of sends that follow each other from one client to one
	// VIP. 0 is one.
	Flow int

	// Window is the number of datagrams in flight. With Latency there is one
	// send in flight, and its round trip is timed.
	Window  int
	Latency bool
	// Flood is to send without waiting for replies, Window at a time.
	Flood bool
	// Gap is the time from one send to the next, with Latency.
	Gap time.Duration
	// Pause is how long the generator sleeps between two polls of its sockets.
	// Without it polling takes all of a processor. Not with Latency.
	Pause time.Duration

	// Prime is the number of replies to receive before counting begins: a server
	// with a memory of its clients has then met them all.
	Prime int
	// Warm is how long to run before counting begins, and Measure how long to
	// count.
	Warm, Measure time.Duration
}

// A Tally counts replies.
type Tally struct {
	// Replies is the number of datagrams that came back, whatever their source.
	Replies int
	// WrongSource counts replies that came from another address or port than
	// the request went to, and WrongPayload those that cannot be an echo.
	WrongSource  int
	WrongPayload int
}

// Add adds the counts of u.
func (t *Tally) Add(u Tally) {
	t.Replies += u.Replies
	t.WrongSource += u.WrongSource
	t.WrongPayload += u.WrongPayload
}

// A Result is what was counted in one window.
type Result struct {
	Tally
	// All also has the replies before counting began and after it ended.
	All Tally
	// Lost counts requests that were given up.
	Lost int
	// Elapsed is the length of the window and CPU the time that all threads of
	// the server ran in it.
	Elapsed time.Duration
	CPU     time.Duration
	// P50 and P99 are quantiles of the round trip, with Load.Latency.
	P50 time.Duration
	P99 time.Duration
	// Steal is the time that the hypervisor gave to other machines, on all
	// processors.
	Steal time.Duration
	// Own is the time that the generator ran.
	Own time.Duration
}

// maxSize is the longest payload of a datagram or a UDP_SEGMENT send, RFC 768.
const maxSize = 65507

func (l *Load) validate() error {
	l.VIPs, l.Clients, l.Sockets = max(l.VIPs, 1), max(l.Clients, 1), max(l.Sockets, 1)
	l.Segments, l.Flow, l.Window = max(l.Segments, 1), max(l.Flow, 1), max(l.Window, 1)
	switch {
	case l.Size < HeaderLen, l.Size*l.Segments > maxSize:
		return fmt.Errorf("load: %d datagrams of %d bytes in a send; each is at least %d, all at most %d", l.Segments, l.Size, HeaderLen, maxSize)
	case l.VIPs > maxAddrs || l.Clients > maxAddrs:
		return fmt.Errorf("load: %d VIPs, %d clients; there are addresses for %d of each", l.VIPs, l.Clients, maxAddrs)
	case l.Window < l.Sockets*l.Segments && !l.Latency:
		return fmt.Errorf("load: a window of %d for %d sockets and sends of %d datagrams", l.Window, l.Sockets, l.Segments)
	}
	return nil
}

// maxAddrs is the number of VIPs, and of clients, that there are addresses for.
const maxAddrs = 1 << 18

// The addresses are of the loopback network, all of which is local, and of two
// ranges of IPv6 for which the namespace needs local routes.
var (
	vips4    = netip.MustParseAddr("127.1.0.0")
	clients4 = netip.MustParseAddr("127.200.0.0")

	vips6    = netip.MustParsePrefix("fd00:d5::/96")
	clients6 = netip.MustParsePrefix("fd00:c1::/96")
)

// Ranges6 returns the ranges of IPv6 that must be local.
func Ranges6() []netip.Prefix { return []netip.Prefix{vips6, clients6} }

// scatter is a prime larger than maxAddrs: multiples of it visit the addresses
// in an order that no cache foresees, each once.
const scatter = 1_000_003

// putNth writes to b the i-th address of n after base: never base itself, which
// is a network's own address.
func putNth(b, base []byte, i uint64, n int) {
	copy(b, base)
	tail := b[len(b)-4:]
	binary.BigEndian.PutUint32(tail, binary.BigEndian.Uint32(tail)+1+uint32(i*scatter%uint64(n)))
}

// HeaderLen is the length of the header of each payload:
//
//	0   4  magic
//	4   4  zero
//	8  16  the address that the request was sent to
//	24  8  number of the request
const HeaderLen = 32

const magic = 0x44535255

func putHeader(b, vip []byte, seq uint64) {
	binary.BigEndian.PutUint64(b, magic<<32)
	copy(b[8:24], vip)
	binary.BigEndian.PutUint64(b[24:], seq)
}

// count judges a reply from where it came and counts it. Addr and port are its
// source as a socket address has them, and want is the server's port.
func (t *Tally) count(payload, addr []byte, port, want uint16) {
	t.Replies++
	switch {
	case len(payload) < HeaderLen || binary.BigEndian.Uint64(payload) != magic<<32:
		t.WrongPayload++
	case port != want || !bytes.Equal(payload[8:8+len(addr)], addr):
		t.WrongSource++
	}
}
