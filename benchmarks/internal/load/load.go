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
	"fmt"
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
	// Train is the number of datagrams that leave as one UDP_SEGMENT send,
	// and so reach a server with UDP_GRO as one. 0 and 1 turn it off.
	Train int
	// Flow is the number of datagrams, or trains, that follow each other from
	// one client to one VIP. 0 is one.
	Flow int

	// Window is the number of datagrams in flight. With Latency there is one,
	// and the time it takes is noted.
	Window  int
	Latency bool
	// Gap is the time from one datagram to the next, with Latency.
	Gap time.Duration

	// Pause is how long the generator sleeps between two looks at its sockets.
	// Without it looking for replies takes all of a processor. Not with Latency.
	Pause time.Duration

	// Prime is the number of datagrams to send before anything else: a server
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

// Add adds what another one has.
func (t *Tally) Add(u Tally) {
	t.Replies += u.Replies
	t.WrongSource += u.WrongSource
	t.WrongPayload += u.WrongPayload
}

// A Result is what was seen in one window.
type Result struct {
	Tally
	// All has those before counting began and after it ended, too: every reply.
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
	// Steal is the time that the hypervisor gave to somebody else, on all
	// processors.
	Steal time.Duration
	// Own is the time that the generator ran.
	Own time.Duration
}

// patience is how long a request is waited for before it counts as lost.
const patience = 50 * time.Millisecond

// maxSize is the longest payload of a datagram or train, RFC 768.
const maxSize = 65507

func (l *Load) validate() error {
	l.VIPs, l.Clients, l.Sockets = max(l.VIPs, 1), max(l.Clients, 1), max(l.Sockets, 1)
	l.Train, l.Flow, l.Window = max(l.Train, 1), max(l.Flow, 1), max(l.Window, 1)
	switch {
	case l.Size < HeaderLen, l.Size*l.Train > maxSize:
		return fmt.Errorf("load: %d datagrams of %d bytes in a train; each is at least %d, all at most %d", l.Train, l.Size, HeaderLen, maxSize)
	case l.VIPs > MaxAddrs || l.Clients > MaxAddrs:
		return fmt.Errorf("load: %d VIPs, %d clients; there are addresses for %d of each", l.VIPs, l.Clients, MaxAddrs)
	case l.Window < l.Sockets*l.Train && !l.Latency:
		return fmt.Errorf("load: a window of %d for %d sockets and trains of %d", l.Window, l.Sockets, l.Train)
	}
	return nil
}
