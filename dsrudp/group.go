package dsrudp

import (
	"sync/atomic"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
)

// A group is what the Conns of one ListenN share.
type group struct {
	id     uint32
	memory *pathmem.Table
}

var groups atomic.Uint32

func newGroup(lc *ListenConfig) group {
	g := group{id: groups.Add(1)}
	switch {
	case lc.PathMemory == 0:
		g.memory = pathmem.New(DefaultPathMemory)
	case lc.PathMemory > 0:
		g.memory = pathmem.New(lc.PathMemory)
	}
	return g
}

// join makes c one of g. A bound Conn has nothing to remember.
func (c *Conn) join(g group) {
	c.group = g.id
	if !c.bound.addr.IsValid() {
		c.memory = g.memory
	}
}
