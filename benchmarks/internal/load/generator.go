//go:build linux

package load

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/machine"
)

// A Generator generates one load after the other, and keeps its memory between
// them. It serves one goroutine.
type Generator struct {
	load Load
	// sockets are those of each server, by its port. A client keeps its port
	// from one load to the next: a server that remembers it has met it.
	sockets map[int][]unix.PollFd
	fds     []unix.PollFd

	vip, client      []byte // the addresses before the first ones
	vipAt, clientAt  int    // their places in a socket address and in control messages
	sent, received   *batch
	sentLen, readLen int // of their buffers

	flows  uint64 // begun so far; continues from one load to the next
	inFlow int    // sends of the current flow so far
	seq    uint64

	result Result
	times  []time.Duration // of round trips
}

// Run generates a load and returns its result. Loads for one server, which
// is known by its port, must be alike but for how long they take.
func (g *Generator) Run(l Load) (Result, error) {
	if err := l.validate(); err != nil {
		return Result{}, err
	}
	cpu, err := machine.CPUClock(l.PID)
	if err != nil {
		return Result{}, fmt.Errorf("load: the CPU time of the server, process %d: %w", l.PID, err)
	}
	if g.fds, err = g.open(&l); err != nil {
		return Result{}, err
	}
	g.prepare(l)
	for _, fd := range g.fds {
		for g.receive(fd) > 0 { // replies to an earlier load that were given up
		}
	}
	t := now()
	s := span{g: g, cpu: cpu, at: t + l.Warm, answered: t}
	if l.Latency {
		g.latency(&s)
	} else {
		g.closedLoop(&s)
	}
	if s.begin == 0 {
		return Result{}, fmt.Errorf("load: the server on port %d answered %d datagrams and then none for %v", l.Port, g.result.All.Replies, silence)
	}
	return g.result, nil
}

// prepare makes the memory ready for l.
func (g *Generator) prepare(l Load) {
	g.load, g.result = l, Result{}
	// The rest of the last load's flow is not continued.
	g.inFlow = 0
	g.flows++
	g.vip, g.client, g.vipAt, g.clientAt = vips4.AsSlice(), clients4.AsSlice(), 4, unix.CmsgLen(4) // of in_pktinfo, ipi_spec_dst
	if l.IPv6 {
		g.vip, g.client, g.vipAt, g.clientAt = vips6.Addr().AsSlice(), clients6.Addr().AsSlice(), 8, unix.CmsgLen(0)
	}
	if n := l.Size * l.Segments; g.sentLen != n {
		g.sent, g.sentLen = newBatch(n), n
	}
	n := 2048
	if l.Segments > 1 {
		n = 1 << 16
	}
	if g.readLen != n {
		g.received, g.readLen = newBatch(n), n
	}

	family, nameLen := uint16(unix.AF_INET), uint32(unix.SizeofSockaddrInet4)
	if l.IPv6 {
		family, nameLen = unix.AF_INET6, unix.SizeofSockaddrInet6
	}
	for i := range g.sent.msgs {
		name := &g.sent.names[i]
		*name = [len(name)]byte{}
		binary.NativeEndian.PutUint16(name[:], family)
		binary.BigEndian.PutUint16(name[2:], uint16(l.Port))
		g.sent.msgs[i].hdr.Namelen = nameLen
		g.sent.setControl(i, l)
	}
}

// fill writes the next n messages.
func (g *Generator) fill(n int) {
	for i := range n {
		if g.inFlow == g.load.Flow {
			g.inFlow = 0
			g.flows++
		}
		g.inFlow++
		vip := g.sent.names[i][g.vipAt:][:len(g.vip)]
		putNth(vip, g.vip, g.flows, g.load.VIPs)
		if g.load.Clients > 1 {
			putNth(g.sent.controlOf(i)[g.clientAt:][:len(g.client)], g.client, g.flows, g.load.Clients)
		}
		for buf := g.sent.bufs[i]; len(buf) > 0; buf = buf[g.load.Size:] {
			g.seq++
			putHeader(buf, vip, g.seq)
		}
	}
}

// send sends n messages and returns how many datagrams that made.
func (g *Generator) send(fd unix.PollFd, n int) int {
	g.fill(n)
	return g.sent.send(fd, n) * g.load.Segments
}

// receive receives what a socket has, counts it, and returns how many datagrams
// that were.
func (g *Generator) receive(fd unix.PollFd) (datagrams int) {
	for i := range g.received.receive(fd) {
		addr, port := g.received.source(i)
		b := g.received.bufs[i][:min(int(g.received.msgs[i].n), g.readLen)]
		for len(b) > 0 {
			n := min(g.load.Size, len(b))
			g.result.All.count(b[:n], addr, port, uint16(g.load.Port))
			b = b[n:]
			datagrams++
		}
	}
	return datagrams
}

// patience is how long a request is waited for before it counts as lost, and
// silence for how long a server may answer nothing before counting begins.
const (
	patience = 50 * time.Millisecond
	silence  = time.Second
)

// A span is the time that counts of a run: it begins after the warming up.
type span struct {
	g     *Generator
	cpu   machine.Clock
	at    time.Duration // when to begin
	begin time.Duration // 0 until it begins
	end   time.Duration

	replies  int           // until the last call of over
	answered time.Duration // when there were more replies last

	// All of the replies, and the clocks, when it began.
	all0               Tally
	cpu0, own0, steal0 time.Duration
}

// over reports whether the span has ended, given the time. It ends without
// having begun when the server does not answer.
func (s *span) over(t time.Duration) bool {
	all := &s.g.result.All
	if all.Replies > s.replies {
		s.replies, s.answered = all.Replies, t
	}
	switch {
	case s.begin != 0:
		return t >= s.end
	case t-s.answered > silence:
		return true
	case t < s.at || all.Replies < s.g.load.Prime:
		return false
	}
	s.g.result = Result{All: *all}
	s.g.times = s.g.times[:0]
	s.all0 = *all
	s.steal0 = machine.Steal()
	s.own0 = machine.Own.Read()
	s.cpu0 = s.cpu.Read()
	s.begin = now()
	s.end = s.begin + s.g.load.Measure
	return false
}

// close completes the result.
func (s *span) close() {
	r := &s.g.result
	r.Tally = Tally{r.All.Replies - s.all0.Replies, r.All.WrongSource - s.all0.WrongSource, r.All.WrongPayload - s.all0.WrongPayload}
	r.CPU = s.cpu.Read() - s.cpu0
	r.Elapsed = now() - s.begin
	r.Own = machine.Own.Read() - s.own0
	r.Steal = machine.Steal() - s.steal0
}

// sends returns how many messages to send when there is room for a number of
// datagrams: whole flows, so that none is split between system calls.
func (g *Generator) sends(datagrams int) int {
	n := min(datagrams/g.load.Segments, maxBatch)
	if n > g.load.Flow {
		n -= n % g.load.Flow
	}
	return n
}

// closedLoop keeps a window of datagrams in flight. On a processor shared with the
// server the two take turns: a whole window is sent, the server answers all of
// it, then all replies are received.
func (g *Generator) closedLoop(s *span) {
	per := g.load.Window / g.load.Sockets
	flying := make([]int, len(g.fds))
	progress := now()
	for {
		t := now()
		if s.over(t) {
			break
		}
		moved := false
		for k, fd := range g.fds {
			if flying[k] > 0 || g.load.Flood {
				if n := g.receive(fd); n > 0 {
					flying[k] = max(flying[k]-n, 0)
					moved = true
				}
			}
			if g.load.Flood {
				flying[k] = 0
			}
			// Less than half a window is not worth a system call.
			if free := per - flying[k]; flying[k] == 0 || free >= (per+1)/2 {
				flying[k] += g.send(fd, g.sends(free))
			}
		}
		if g.load.Pause > 0 {
			sleepUntil(now() + g.load.Pause)
		}
		switch {
		case moved || g.load.Flood:
			progress = t
		case t-progress > patience:
			for k := range flying {
				g.result.Lost += flying[k]
				flying[k] = 0
			}
			progress = t
		default:
			wait(g.fds)
		}
	}
	s.close()
	g.collect(flying)
}

// collect receives the replies that come after the end. They count in All alone.
func (g *Generator) collect(flying []int) {
	missing := 0
	for _, n := range flying {
		missing += n
	}
	for progress := now(); missing > 0 && now()-progress <= patience; {
		wait(g.fds)
		for _, fd := range g.fds {
			if n := g.receive(fd); n > 0 {
				missing -= n
				progress = now()
			}
		}
	}
}

// latency has one send in flight, and times each round trip.
func (g *Generator) latency(s *span) {
	next := now()
	for k := 0; !s.over(now()); k = (k + 1) % len(g.fds) {
		if next += g.load.Gap; g.load.Gap > 0 {
			sleepUntil(next)
		}
		g.roundTrip(g.fds[k : k+1])
	}
	s.close()
	slices.Sort(g.times)
	if n := len(g.times); n > 0 {
		g.result.P50, g.result.P99 = g.times[n/2], g.times[n*99/100]
	}
}

// roundTrip makes one send from a socket and waits for the replies.
func (g *Generator) roundTrip(fd []unix.PollFd) {
	g.fill(1)
	begin := now()
	if g.sent.send(fd[0], 1) == 0 {
		g.result.Lost++
		return
	}
	for missing := g.load.Segments; missing > 0; {
		wait(fd)
		n := g.receive(fd[0])
		if n == 0 && now()-begin > patience {
			g.result.Lost += missing
			return
		}
		missing -= n
	}
	g.times = append(g.times, now()-begin)
}
