package dsrudp

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/dsrudp/go-dsrudp/internal/pathmem"
)

// A listenGroup is what the Conns of one ListenN share.
type listenGroup struct {
	id     uint32
	memory *pathmem.Table
}

var listenGroups atomic.Uint32

// defaultPathMemory is what ListenConfig.PathMemory 0 stands for.
const defaultPathMemory = 1 << 20

func newListenGroup(lc *ListenConfig) listenGroup {
	g := listenGroup{id: listenGroups.Add(1)}
	switch {
	case lc.PathMemory == 0:
		g.memory = pathmem.New(defaultPathMemory)
	case lc.PathMemory > 0:
		g.memory = pathmem.New(lc.PathMemory)
	}
	return g
}

// add makes c one of g. A bound Conn has nothing to remember.
func (g listenGroup) add(c *Conn) {
	c.groupID = g.id
	if !c.bound.addr.IsValid() {
		c.memory = g.memory
	}
}

// ListenN listens with n sockets on one address (SO_REUSEPORT), to be read by n
// goroutines: one for each processor that is to read. It returns n Conns, or an error
// and none; n is at least 1. The kernel gives all datagrams of one remote address and
// port to the same socket, whatever VIP they are for. The sockets know each other's
// paths: the address that one returned, and what one remembers, is good for all.
// When address has port 0 they share the port that the first one gets. Close
// each of them.
//
// Nothing tells apart whose sockets share a port. On Linux another ListenN, or a
// ListenPacket with ReusePort, succeeds on the same address too, in this process or in
// another one of the same user. The kernel then spreads the remote addresses over all
// these sockets, and those of one call do not know the paths of another's: of a server
// that was started twice by mistake each gets a part of the datagrams. A socket without
// SO_REUSEPORT, or another user's, is refused with EADDRINUSE where these are, and these
// where such a one is.
func (lc *ListenConfig) ListenN(ctx context.Context, network, address string, n int) ([]*Conn, error) {
	if n < 1 {
		return nil, &net.OpError{Op: "listen", Net: network, Err: fmt.Errorf("dsrudp: ListenN of %d sockets; at least 1 is needed", n)}
	}
	g := newListenGroup(lc)
	cs := make([]*Conn, 0, n)
	for range n {
		c, err := lc.listen(ctx, network, address, true, g)
		if err != nil {
			for _, c := range cs {
				c.Close()
			}
			return nil, err
		}
		cs = append(cs, c)
		if len(cs) == 1 {
			// Only a host that net could parse gets here.
			host, _, _ := net.SplitHostPort(address)
			address = net.JoinHostPort(host, strconv.Itoa(int(c.port)))
		}
	}
	return cs, nil
}
