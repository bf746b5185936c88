package source

import (
	"sync"
	"time"
)

const (
	// recentLifetime is how long an answer is good for: an interface may be renamed, and its
	// addresses may change.
	recentLifetime = time.Second
	// maxRecent bounds the answers kept: what is asked for may be forged.
	maxRecent = 1 << 12
)

// A recent keeps what the kernel answered lately. Its zero value is empty.
type recent[K comparable, V any] struct {
	mu      sync.Mutex
	answers map[K]V
	expires time.Time
}

// get returns the answer for k that is kept, or else that of ask, which is kept if there is
// one.
func (r *recent[K, V]) get(k K, ask func(K) (V, bool)) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.After(r.expires) || len(r.answers) == maxRecent {
		r.answers, r.expires = make(map[K]V), now.Add(recentLifetime)
	}
	v, ok := r.answers[k]
	if !ok {
		if v, ok = ask(k); ok {
			r.answers[k] = v
		}
	}
	return v, ok
}
