package batch

import "github.com/dsrudp/go-dsrudp/internal/source"

// Held returns how much memory s holds for copies.
func (s *Sender) Held() int { return cap(s.arena) }

// ArenaSize is how much that is to be.
const ArenaSize = arenaSize

// Apart reports whether a Sender distinguishes the paths of a and b. Of those that it
// cannot less is merged.
func Apart(a, b *source.Header) bool { return slotOf(a) != slotOf(b) }

// Stalled reports whether s has waited as long as Patience allows.
func (s *Sender) Stalled() bool { return s.stalled }

// Spend makes the Sender one that has waited as long as Patience allows, and sent since.
func (s *Sender) Spend() { s.waited = s.Patience }
