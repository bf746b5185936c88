package localroute

import (
	"net/netip"
	"sync/atomic"
)

const (
	MaxPrefixes = maxPrefixes
	MaxReceived = maxReceived
)

// Answer is what a Fake kernel says of an address.
type Answer struct {
	Local, Watched bool
	Prefix         netip.Prefix
}

// Fake is a kernel made of functions. A nil Solid says yes.
type Fake struct {
	Route func(a netip.Addr, ifindex uint32) (Answer, error)
	Solid func(p netip.Prefix) bool
}

func (f Fake) route(a netip.Addr, ifindex uint32) (route, error) {
	r, err := f.Route(a, ifindex)
	return route{local: r.Local, prefix: r.Prefix, watched: r.Watched}, err
}

func (f Fake) solid(p netip.Prefix) bool { return f.Solid == nil || f.Solid(p) }

func NewTable(f Fake) *Table { return newTable(f) }

func (t *Table) Reset()      { t.reset() }
func (t *Table) ResetTwice() { t.resetTwice() }
func (t *Table) Deafen()     { t.deafen() }

// Prefixes returns how many answers are remembered, single addresses and ranges.
func (t *Table) Prefixes() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.prefixes)
}

// Remembered returns how many received addresses are remembered.
func (t *Table) Remembered() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.received) + len(t.earlier)
}

// Ticking reports whether the clock is armed.
func (t *Table) Ticking() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.ticker != nil
}

// CountAsks counts what the kernel is asked from now on. It is not to be
// called while t is in use.
func (t *Table) CountAsks() *atomic.Int64 {
	c := &counting{kernel: t.kernel}
	t.kernel = c
	return &c.n
}

type counting struct {
	kernel
	n atomic.Int64
}

func (c *counting) route(a netip.Addr, ifindex uint32) (route, error) {
	c.n.Add(1)
	return c.kernel.route(a, ifindex)
}
