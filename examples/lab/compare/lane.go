//go:build linux

package compare

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// A lane is what a window runs on: a pair of hosts, the server's sockets on the
// one, and clients on the other that all ask the same address.
type lane struct {
	pair    *pair
	program program
	conns   []net.PacketConn
	to      netip.Addr
	clients []*net.UDPConn
	drop    *drop
	sent    uint64
	costs   []time.Duration // by round
}

// newLane puts a repair in place and sees to it that clients accept its answers.
func newLane(r Repair) (*lane, error) {
	l := &lane{program: r.program, to: pairVIP}
	if r.ID == None {
		l.to = pairServer
	}
	var err error
	if l.pair, err = newPair(); err != nil {
		return l, err
	}
	if r.apply != nil {
		if err := r.apply(l.pair.server, []netip.Addr{pairVIP}, pairServer); err != nil {
			return l, err
		}
	}
	if l.conns, err = l.program.open(l.pair.server, []netip.Addr{pairVIP}); err != nil {
		return l, err
	}
	if err := l.dial(); err != nil {
		return l, err
	}
	if err := l.check(); err != nil {
		return l, err
	}
	l.drop, err = newDrop(l.pair.client, l.to)
	return l, err
}

// newSink returns a lane whose server's host drops everything: what the clients
// send there costs what it costs them.
func newSink() (*lane, error) {
	l := &lane{to: pairVIP}
	var err error
	if l.pair, err = newPair(); err != nil {
		return l, err
	}
	if err := l.dial(); err != nil {
		return l, err
	}
	l.drop, err = newDrop(l.pair.server, netip.Addr{})
	return l, err
}

func (l *lane) dial() error {
	for range cpuClients {
		c, err := l.pair.client.DialUDP("udp", netip.AddrPort{}, at(l.to))
		if err != nil {
			return err
		}
		l.clients = append(l.clients, c)
	}
	return nil
}

// check has each client ask once, and accept the answer.
func (l *lane) check() error {
	b := make([]byte, 1<<16)
	for _, c := range l.clients {
		if err := c.SetDeadline(time.Now().Add(laneBound)); err != nil {
			return err
		}
		if _, err := c.Write([]byte("check")); err != nil {
			return err
		}
		if err := l.answer(b); err != nil {
			return err
		}
		if _, err := c.Read(b); err != nil {
			return fmt.Errorf("compare: a client got no answer from %v: %w", l.to, err)
		}
	}
	return nil
}

// laneBound is how long a datagram may take that a lane waits for. The windows
// themselves wait for nothing: one thread sends and receives.
const laneBound = 5 * time.Second

// answer has the program answer one datagram, on its first socket: that one
// takes IPv4 or is bound to the VIP.
func (l *lane) answer(b []byte) error { return l.program.answer(l.conns[0], b) }

// window sends bursts and answers them, and returns how long that took. For a
// sink it is the time of the sending.
func (l *lane) window(payload, b []byte) (time.Duration, error) {
	start := time.Now()
	for range cpuBursts {
		for _, c := range l.clients {
			if _, err := c.Write(payload); err != nil {
				return 0, err
			}
		}
		l.sent += uint64(len(l.clients))
		if l.conns == nil {
			continue
		}
		for range l.clients {
			if err := l.answer(b); err != nil {
				return 0, err
			}
		}
	}
	return time.Since(start), nil
}

// verify requires that every datagram was answered from the address that was
// asked: that is what the client's host counted.
func (l *lane) verify() error {
	n, err := l.drop.count()
	if err != nil {
		return err
	}
	if n != l.sent {
		return fmt.Errorf("compare: of %d datagrams to %v %d were answered from there", l.sent, l.to, n)
	}
	if err := l.drop.remove(); err != nil {
		return err
	}
	return l.check()
}

// verifySink requires that every datagram reached the host that drops it, for its
// windows are what is subtracted for the client.
func (l *lane) verifySink() error {
	n, err := l.drop.count()
	if err == nil && n != l.sent {
		err = fmt.Errorf("compare: of %d datagrams to the host that drops them %d came there: the client's share is not what was measured", l.sent, n)
	}
	return err
}

// perDatagram returns the cost on the server's side in microseconds.
func (l *lane) perDatagram(sink *lane) quartiles {
	var us []float64
	for i, d := range l.costs {
		us = append(us, float64((d-sink.costs[i]).Nanoseconds())/1000/(cpuBursts*cpuClients))
	}
	return quartilesOf(us)
}

// ratio returns what the rounds' ratios come to.
func (l *lane) ratio(base, sink *lane) quartiles {
	var rs []float64
	for i, d := range l.costs {
		rs = append(rs, float64(d-sink.costs[i])/float64(base.costs[i]-sink.costs[i]))
	}
	return quartilesOf(rs)
}

func (l *lane) close() error {
	for _, c := range l.clients {
		c.Close()
	}
	closeAll(l.conns)
	if l.pair == nil {
		return nil
	}
	return l.pair.Close()
}
