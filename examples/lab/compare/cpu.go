//go:build linux

package compare

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

const cpuAsks = "Processor time on the server's side for one datagram and its answer, as a ratio to the naive program on its own address, where it needs no repair. " +
	"It counts the application, its system calls, and all the kernel does on the server's host between the cable and the application, softirq and netfilter included. " +
	"There are 8 clients, which the server's host knows already: what a first datagram costs, such as a new entry in the table of connections, is not in it. " +
	"Left out are the client and garbage collection, which runs on other threads. For the client, the time of sending the same datagrams to a host that drops them where they come out of the cable (the netdev ingress hook) is subtracted; " +
	"and what the server answers is dropped, and counted, by the same hook of the client's host, before its IP sees it. That drop is in the time of every repair alike. " +
	"Client and server take turns on one thread, in windows that alternate between the repairs in random order; windows in which the scheduler interfered do not count. It is met up to 1.5."

// cpuMost is the ratio up to which the question is met: what is asked of a
// repair is that it be no reason to buy machines.
const cpuMost = 1.5

// Sizes of a window: so many bursts of one datagram from each client.
const (
	cpuBursts  = 8
	cpuClients = 8
	cpuPayload = 64
)

func cpu(ctx context.Context, ts []*trial, found func(int, finding)) (err error) {
	sink, err := newSink()
	lanes := []*lane{sink}
	defer func() {
		for _, l := range lanes {
			err = errors.Join(err, l.close())
		}
	}()
	if err != nil {
		return err
	}
	base, err := newLane(repairs()[0]) // also where the naive program is not among those asked
	lanes = append(lanes, base)
	if err != nil {
		return err
	}
	var running []int // the trials of the lanes after the first two
	for i, t := range ts {
		l, err := newLane(t.repair)
		if err != nil {
			found(i, failed(errors.Join(err, l.close())))
			continue
		}
		lanes, running = append(lanes, l), append(running, i)
	}
	if err := race(ctx, lanes, ts[0].effort.rounds); err != nil {
		return err
	}
	if err := base.verify(); err != nil {
		return err
	}
	for n, i := range running {
		l := lanes[n+2]
		if err := l.verify(); err != nil {
			found(i, failed(err))
			continue
		}
		atWork, err := work(l.conns, l.pair.server)
		if err != nil {
			found(i, failed(err))
			continue
		}
		cost, ratio := l.perDatagram(sink), l.ratio(base, sink)
		found(i, finding{
			verdict: verdict(ratio <= cpuMost),
			says:    fmt.Sprintf("%.2f times the naive program's on its own address (%.1f µs a datagram here)", ratio, cost),
			short:   fmt.Sprintf("%.2f×", ratio),
			work:    []string{atWork},
			numbers: map[string]float64{"ratio": ratio, "microseconds": cost, "rounds": float64(len(l.costs))},
		})
	}
	return nil
}

// race runs the rounds, each of one window for each lane.
func race(ctx context.Context, lanes []*lane, rounds int) error {
	// The softirq that delivers a datagram runs on the processor, and in the
	// time, of the thread that sent it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, l := range lanes {
		for _, c := range l.conns {
			if err := c.SetDeadline(time.Now().Add(cpuBound)); err != nil {
				return err
			}
		}
		for _, c := range l.clients {
			if err := c.SetDeadline(time.Time{}); err != nil {
				return err
			}
		}
	}
	payload, b := make([]byte, cpuPayload), make([]byte, 1<<16)
	order := slices.Clone(lanes)
	for round := range rounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		good := true
		for _, l := range order {
			d, ok, err := undisturbed(func() (time.Duration, error) { return l.window(payload, b) })
			if err != nil {
				return fmt.Errorf("compare: round %d: %w", round, err)
			}
			good = good && ok
			l.costs = append(l.costs, d)
		}
		if !good { // a ratio needs both its sides
			for _, l := range lanes {
				l.costs = l.costs[:len(l.costs)-1]
			}
		}
	}
	if n := len(lanes[0].costs); n < max(1, rounds/10) {
		return fmt.Errorf("compare: this machine is too busy: of %d rounds only %d were left undisturbed", rounds, n)
	}
	return nil
}

// cpuBound ends a measurement in which a datagram got lost.
const cpuBound = 60 * time.Second

func median(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}
