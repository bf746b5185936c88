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
	if err := errors.Join(sink.verifySink(), base.verify()); err != nil {
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
		f := cpuFinding(ts[i].repair, l.ratio(base, sink), l.perDatagram(sink), len(l.costs))
		f.work = []string{atWork}
		found(i, f)
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
