//go:build linux

package compare

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
)

const memoryAsks = "1, 1 000 and 100 000 clients, each with an address of its own, ask and are answered (the naive program on the machine's own address). " +
	"Counted are the connections that the kernel of the server's host tracks, and by how much the kernel's unreclaimable slabs grow (SUnreclaim of /proc/meminfo, which is the whole machine's and so is noise for few clients), " +
	"and the program's own heap. It is met if the kernel keeps nothing for a client."

// memory measures one repair after the other, and ends none before the last is
// measured: the kernel frees in its own time.
func memory(ctx context.Context, ts []*trial, found func(int, finding)) (err error) {
	var stands []*stand
	defer func() {
		for _, s := range stands {
			err = errors.Join(err, s.close())
		}
	}()
	for i, t := range ts {
		s, err := newStand(t.repair)
		stands = append(stands, s)
		if err != nil {
			return fmt.Errorf("%s: %w", t.repair.Name, err)
		}
		f, err := s.weigh(ctx, t.effort.crowd)
		if err != nil {
			return fmt.Errorf("%s: %w", t.repair.Name, err)
		}
		f.says += standNote(t.repair)
		found(i, f)
	}
	return nil
}

// weigh lets the crowd grow and sees what that takes.
func (s *stand) weigh(ctx context.Context, crowd []int) (finding, error) {
	f := finding{verdict: Met, numbers: make(map[string]float64)}
	var entries []string
	kernel, err := slabs()
	if err != nil {
		return f, err
	}
	heap := heapInUse()
	asked, n := 0, 0
	for _, size := range crowd {
		if err := s.ask(ctx, asked, size); err != nil {
			return f, err
		}
		asked = size
		if n, err = tracked(s.pair.server); err != nil {
			return f, err
		}
		now, err := slabs()
		if err != nil {
			return f, err
		}
		f.numbers[fmt.Sprintf("entries of %d", size)] = float64(n)
		f.numbers[fmt.Sprintf("slab bytes of %d", size)] = float64(now - kernel)
		entries = append(entries, thousands(n))
		if n > 0 {
			f.verdict = NotMet
		}
	}
	clients := float64(asked)
	perClient := f.numbers[fmt.Sprintf("slab bytes of %d", asked)] / clients
	own := max(0, float64(heapInUse()-heap)/clients)
	f.numbers["kernel bytes per client"], f.numbers["heap bytes per client"] = perClient, own
	f.says = fmt.Sprintf("%s connections tracked; at %s clients the kernel's slabs grew by %s, the program's heap by %.0f B for each client",
		enumerate(entries), thousands(asked), kilobytes(f.numbers[fmt.Sprintf("slab bytes of %d", asked)]), own)
	f.short = "0 B"
	if f.verdict == NotMet {
		f.says = fmt.Sprintf("%s connections tracked; at %s clients that is %s of the kernel's slabs, %.0f B for each client",
			enumerate(entries), thousands(asked), kilobytes(perClient*clients), perClient)
		f.short = fmt.Sprintf("%.0f B", perClient)
	}
	return f, nil
}

// slabs returns the number of bytes in the kernel's slabs that it cannot take back.
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

// heapInUse returns the number of bytes in live objects.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
