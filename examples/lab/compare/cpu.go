//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"time"
)

const cpuAsks = "Processor time on the server's side for one datagram and its answer, as a ratio to the naive program on its own address, where it needs no repair. " +
	"It counts the application, its system calls, and all the kernel does on the server's host between the cable and the application, softirq and netfilter included. " +
	"There are 8 clients, which the server's host knows already: what a first datagram costs, such as a new entry in the table of connections, is not in it. " +
	"Left out are the client, and garbage collection, which runs on other threads. For the client, the time of sending the same datagrams to a host that drops them where they come out of the cable (the netdev ingress hook) is subtracted; " +
	"and what the server answers is dropped, and counted, by the same hook of the client's host, before its IP sees it. That drop is in the time of every repair alike. " +
	"Client and server take turns on one thread, in windows that alternate between the repairs in random order; windows in which the scheduler interfered do not count. " +
	"So the server never waits: when it reads, the 8 datagrams are there, one for each of its calls. Waiting, being woken, scheduling and the runtime's poller are not in it, nor what a server saves of them that takes many datagrams at a time: it is a server under full load, and one that sleeps between datagrams has other ratios. " +
	"It is met up to 1.5. The naive program is measured against itself too, which has to come to 0.9 to 1.1. In which order the repairs come is measured, and nothing is held to it."

// Sizes of a window: so many bursts of one datagram from each client.
const (
	cpuBursts  = 8
	cpuClients = 8
	cpuPayload = 64
)

const (
	cpuMost  = 1.5              // the ratio up to which the question is met: it is no reason to buy machines
	cpuBound = 60 * time.Second // ends a measurement in which a datagram got lost

	// The naive program is measured twice, and against itself, which has to come
	// to about 1, or no other ratio is worth anything.
	controlLeast, controlMost = 0.9, 1.1
)

func cpu(ctx context.Context, ts []*trial) (cells []Cell, err error) {
	naive := repairs()[0] // also where it is not among those asked
	setups := []*setup{newSetup(nil), newSetup(&naive)}
	for _, t := range ts {
		setups = append(setups, newSetup(&t.repair))
	}
	sink, base := setups[0], setups[1]
	defer func() {
		for _, s := range setups {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := errors.Join(sink.err, base.err); err != nil {
		return nil, err
	}
	good := slices.DeleteFunc(slices.Clone(setups), func(s *setup) bool { return s.err != nil })
	if err := rounds(ctx, good, ts[0].effort.rounds); err != nil {
		return nil, err
	}
	for _, s := range good {
		s.err = s.verify()
	}
	if err := errors.Join(sink.err, base.err); err != nil {
		return nil, err
	}
	for i, s := range setups[2:] {
		if s.err != nil {
			cells = append(cells, failed(s.err))
			continue
		}
		cells = append(cells, cpuCell(ts[i].repair, s.costs, base.costs, sink.costs))
	}
	return cells, nil
}

// A setup is what a window runs on: a pair of hosts, the server's sockets on the one,
// and clients on the other that all ask the same address. That of no repair is a
// sink, whose server's host drops everything: what the clients send there costs what
// it costs them.
type setup struct {
	*pair
	program *program // nil: a sink
	conns   []net.PacketConn
	to      netip.Addr
	clients []*net.UDPConn
	sent    uint64
	costs   []time.Duration // of one window in each round
	err     error           // why it cannot be measured
}

// newSetup puts a repair in place.
func newSetup(r *Repair) *setup {
	s := &setup{to: pairVIP}
	if s.pair, s.err = newPair(); s.err != nil {
		return s
	}
	if r != nil {
		s.program, s.to = &r.program, pairTarget(*r)
		if s.err = r.apply(s.server, []netip.Addr{pairVIP}, pairServer); s.err != nil {
			return s
		}
		if s.conns, s.err = s.program.open(s.server, []netip.Addr{pairVIP}); s.err != nil {
			return s
		}
		s.running = append(s.running, func() { closeAll(s.conns) })
	}
	for range cpuClients {
		c, err := s.client.DialUDP("udp", netip.AddrPort{}, at(s.to))
		if s.err = err; err != nil {
			return s
		}
		s.clients = append(s.clients, c)
		s.running = append(s.running, func() { c.Close() })
	}
	if s.program == nil {
		s.err = drop(s.server, netip.Addr{})
	} else {
		s.err = drop(s.client, s.to)
	}
	return s
}

// window sends bursts and answers them, and returns how long that took. For a sink it
// is the time of the sending.
func (s *setup) window(payload, b []byte) (time.Duration, error) {
	start := time.Now()
	for range cpuBursts {
		for _, c := range s.clients {
			if _, err := c.Write(payload); err != nil {
				return 0, err
			}
		}
		s.sent += uint64(len(s.clients))
		for range s.clients {
			if s.program == nil {
				continue
			}
			// The first socket takes IPv4 or is bound to the VIP.
			if err := s.program.answer(s.conns[0], b); err != nil {
				return 0, err
			}
		}
	}
	return time.Since(start), nil
}

// verify requires that every datagram was answered from the address that was asked,
// by what the client's host counted, and of a sink that every datagram came there.
func (s *setup) verify() error {
	h, became := s.client, "answered from there"
	if s.program == nil {
		h, became = s.server, "dropped there"
	}
	n, err := stopDropping(h)
	if err == nil && n != s.sent {
		err = fmt.Errorf("compare: of %d datagrams to %v %d were %s", s.sent, s.to, n, became)
	}
	return err
}

// rounds runs the rounds, each of one window for each setup, and keeps the costs of those
// in which no window was disturbed: a ratio needs both its sides.
func rounds(ctx context.Context, setups []*setup, rounds int) error {
	// The softirq that delivers a datagram runs on the processor, and in the time,
	// of the thread that sent it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, s := range setups {
		for _, c := range s.conns {
			if err := c.SetDeadline(time.Now().Add(cpuBound)); err != nil {
				return err
			}
		}
	}
	payload, b := make([]byte, cpuPayload), make([]byte, 1<<16)
	order := slices.Clone(setups)
	for round := range rounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		good := true
		for _, s := range order {
			d, ok, err := undisturbed(func() (time.Duration, error) { return s.window(payload, b) })
			if err != nil {
				return fmt.Errorf("compare: round %d: %w", round, err)
			}
			good = good && ok
			s.costs = append(s.costs, d)
		}
		for _, s := range setups {
			if !good {
				s.costs = s.costs[:len(s.costs)-1]
			}
		}
	}
	if n := len(setups[0].costs); n < max(1, rounds/10) {
		return fmt.Errorf("compare: this machine is too busy: of %d rounds only %d were left undisturbed", rounds, n)
	}
	return nil
}

// undisturbed runs f on the calling thread until it had the processor to itself all
// the time, and returns how long f then took by its own account. That is processor
// time with everything in it, also interrupts that kernels account for in different
// ways. It gives up after some attempts.
func undisturbed(f func() (time.Duration, error)) (d time.Duration, ok bool, err error) {
	const attempts, rusageThread = 10, 1 // RUSAGE_THREAD of getrusage(2)
	for range attempts {
		var before, after syscall.Rusage
		if err := syscall.Getrusage(rusageThread, &before); err != nil {
			return 0, false, err
		}
		if d, err = f(); err != nil {
			return 0, false, err
		}
		if err := syscall.Getrusage(rusageThread, &after); err != nil {
			return 0, false, err
		}
		if before.Nvcsw == after.Nvcsw && before.Nivcsw == after.Nivcsw {
			return d, true, nil
		}
	}
	return d, false, nil
}

// cpuCell judges what a repair's windows cost, beside those of the naive program and
// of the sink in the same rounds. The ratio is the median of the rounds', not one of
// sums in which a slow round counts for many.
func cpuCell(r Repair, costs, base, sink []time.Duration) Cell {
	var ratios, micros []float64
	for i, d := range costs {
		ratios = append(ratios, float64(d-sink[i])/float64(base[i]-sink[i]))
		micros = append(micros, float64((d-sink[i]).Nanoseconds())/1000/(cpuBursts*cpuClients))
	}
	slices.Sort(ratios)
	slices.Sort(micros)
	n := len(ratios)
	lower, ratio, upper, cost := ratios[n/4], ratios[n/2], ratios[3*n/4], micros[n/2]
	digits := 2
	if upper-lower > 0.1 { // the second says nothing
		digits = 1
	}
	c := Cell{
		Verdict: verdict(ratio <= cpuMost),
		Says: fmt.Sprintf("%.*f times the naive program's on its own address (half of the %d rounds between %.2f and %.2f; %.1f µs a datagram here)",
			digits, ratio, n, lower, upper, cost),
		Short: fmt.Sprintf("%.*f×", digits, ratio),
		Numbers: map[string]float64{
			"ratio": ratio, "lower quartile": lower, "upper quartile": upper, "microseconds": cost, "rounds": float64(n),
		},
	}
	if r.ID == None && (ratio < controlLeast || ratio > controlMost) {
		c.Verdict = Failed
		c.Says += fmt.Sprintf("; as this is that program itself, it has to come to %.1f to %.1f: the machine is too busy to measure, repeat it", controlLeast, controlMost)
	}
	return c.notePlace(r)
}
