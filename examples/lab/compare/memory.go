//go:build linux

package compare

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"
)

const memoryAsks = "1, 1 000 and 100 000 clients, each with an address of its own, ask and are answered (the naive program on the machine's own address). " +
	"Counted are the connections that the kernel of the server's host tracks, and by how much the kernel's unreclaimable slabs grow (SUnreclaim of /proc/meminfo) for each of the clients that are most. " +
	"SUnreclaim is the whole machine's: after ± stands by how much it strayed in four runs of the naive program, for which the kernel keeps nothing. " +
	"A repair for which it grows and no connection is tracked is measured again, up to four times, and the least counts: what is kept for clients is kept in each run. " +
	"It is met if no connection is tracked, and the slabs do not grow by 8 bytes a client, as nothing that a slab holds is smaller, and by the noise besides. So a busy machine blurs the bytes, and only the connections tell."

const (
	smallest  = 8 // bytes of the smallest object in a slab
	mostTries = 4 // of a repair for which memory grows and no connection is tracked
)

// A usage is what the kernel and the program keep for clients.
type usage struct {
	clients []int   // the numbers of clients, as they grow
	entries []int   // connections tracked, for each size
	slab    float64 // bytes by which the kernel's slabs have grown, for each client in the end
	heap    float64 // the same of the program's heap
}

// grown returns whether the slabs grew so much that it may be an object for each
// client.
func (u usage) grown(noise float64) bool { return u.slab-noise >= smallest }

// tracked returns how many connections the kernel tracks in the end.
func (u usage) tracked() int { return u.entries[len(u.entries)-1] }

// memory measures one repair after the other, and ends none before the last is
// measured: the kernel frees in its own time.
func memory(ctx context.Context, ts []*trial) (cells []Cell, err error) {
	var pairs []*pair
	defer func() {
		for _, p := range pairs {
			err = errors.Join(err, p.Close())
		}
	}()
	measure := func(r Repair) (usage, error) {
		p, err := newPair()
		if pairs = append(pairs, p); err != nil {
			return usage{}, err
		}
		return ts[0].effort.usage(ctx, p, r)
	}
	noise := 0.0
	for i := range 5 { // the first is for what the kernel makes once
		u, err := measure(repairs()[0])
		if err != nil {
			return nil, err
		}
		if i > 0 {
			noise = max(noise, math.Abs(u.slab))
		}
	}
	for _, t := range ts {
		u, err := leastUsage(noise, func() (usage, error) { return measure(t.repair) })
		if err != nil {
			cells = append(cells, failed(err))
			continue
		}
		cells = append(cells, u.cell(noise).notePlace(t.repair))
	}
	return cells, nil
}

// leastUsage measures a repair until it is known whether the kernel keeps anything, or
// as often as is tried at most, and returns the usage with the least growth.
func leastUsage(noise float64, measure func() (usage, error)) (least usage, err error) {
	for i := range mostTries {
		u, err := measure()
		if err != nil {
			return u, err
		}
		if i == 0 || u.slab < least.slab {
			least = u
		}
		if u.tracked() > 0 || !u.grown(noise) {
			break
		}
	}
	return least, nil
}

// usage puts a repair in place, and has ever more clients ask it.
func (e effort) usage(ctx context.Context, p *pair, r Repair) (u usage, err error) {
	if err := r.apply(p.server, []netip.Addr{pairVIP}, pairServer); err != nil {
		return u, err
	}
	if r.stateful() {
		if err := rememberClients(p.server); err != nil {
			return u, err
		}
	}
	srv, err := r.program.start(p.server, []netip.Addr{pairVIP}, false)
	if err != nil {
		return u, err
	}
	p.running = append(p.running, srv.stop)
	c, err := newClientSet(p, at(pairTarget(r)))
	if err != nil {
		return u, err
	}
	slabBefore, err := e.readSlabs(ctx)
	if err != nil {
		return u, err
	}
	heapBefore, asked := heapInUse(), 0
	for _, size := range e.clients {
		if err := c.ask(ctx, asked, size); err != nil {
			return u, err
		}
		asked = size
		n, err := conntrack(p.server, "nf_conntrack_count")
		if err != nil {
			return u, err
		}
		u.clients, u.entries = append(u.clients, size), append(u.entries, n)
	}
	slab, err := e.readSlabs(ctx)
	u.slab, u.heap = float64(slab-slabBefore)/float64(asked), float64(heapInUse()-heapBefore)/float64(asked)
	return u, err
}

// cell judges the usage of a repair.
func (u usage) cell(noise float64) Cell {
	c := Cell{Numbers: map[string]float64{
		"heap bytes per client": u.heap, "kernel bytes per client": u.slab, "noise bytes per client": noise,
	}}
	var sizes, entries []string
	each := true
	for i, n := range u.entries {
		c.Numbers[fmt.Sprintf("entries of %d", u.clients[i])] = float64(n)
		sizes, entries = append(sizes, thousands(u.clients[i])), append(entries, thousands(n))
		each = each && n == u.clients[i]
	}
	c.Verdict = verdict(u.tracked() == 0 && !u.grown(noise))
	c.Short = fmt.Sprintf("%.0f±%.0f B", math.Round(u.slab)+0, math.Ceil(noise))
	c.Says = fmt.Sprintf("%s connections tracked for %s clients; the kernel's slabs grew by %.1f±%.1f B for each, the program's heap by %.0f B",
		strings.Join(entries, ", "), strings.Join(sizes, ", "), u.slab, noise, u.heap)
	if noise >= smallest {
		c.Says += "; the machine is too busy to tell by the slabs, which leaves the number of connections"
	}
	// An entry takes memory: what the slabs did must not rule that out.
	if c.Happened = []string{"nothing is kept"}; each && u.slab+noise >= smallest {
		c.Happened[0] = "a connection for each client"
	}
	return c
}

// slabs returns the number of bytes in the kernel's slabs that it cannot take back.
// It is the whole machine's.
func slabs() (int64, error) {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for sc := bufio.NewScanner(file); sc.Scan(); {
		if rest, ok := strings.CutPrefix(sc.Text(), "SUnreclaim:"); ok {
			var kB int64
			_, err := fmt.Sscan(rest, &kB)
			return kB << 10, err
		}
	}
	return 0, errors.New("compare: /proc/meminfo has no SUnreclaim")
}

// freed is how long a reading of the slabs waits: the kernel frees in its own time what
// belonged to datagrams and hosts that are gone.
const freed = 200 * time.Millisecond

func (e effort) readSlabs(ctx context.Context) (int64, error) {
	select {
	case <-time.After(freed):
		return e.slabs()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// heapInUse returns the number of bytes in live objects.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
