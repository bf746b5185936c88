package dsrudp

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/offload"
	"github.com/dsrudp/go-dsrudp/internal/pathmem"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/zone"
)

// A Conn is a UDP socket whose replies leave from the address that the request
// was sent to. It has every method of *net.UDPConn, with the same
// behaviour and errors but for the source of what it sends, and adds the ones
// that speak of a [Path].
//
// All methods may be called from many goroutines at once. Buffers passed to
// them are the caller's again when they return. One that is declared in a function
// moves to the heap, so allocate it once and use it again.
//
// Sends made through SyscallConn or a File, and Write on a socket that was
// connected through them, are not this package's: they leave from the address
// that the kernel chooses, and on an IPv6 socket from any address they ask for. So
// do those of a PacketConn that golang.org/x/net's ipv4 or ipv6 makes of a Conn:
// that is good for socket options and groups, and the Conn for datagrams.
type Conn struct {
	conn   *net.UDPConn
	raw    syscall.RawConn
	sock   *mmsg.Socket
	zones  *zone.Cache
	groups groupSources

	network      string // as it was asked for, for errors
	laddr, raddr net.Addr
	family       pktinfo.Family
	port         uint16 // the bound port

	// bound is the unicast address that the socket is bound to, which the
	// kernel sends from without being told. It is not valid on a wildcard or
	// group socket.
	bound source
	// peer is the connected remote address, if it is valid.
	peer netip.AddrPort
	// connected says that net refuses remote addresses (ErrWriteToConnected).
	connected bool
	// parse says that control messages tell the destinations of datagrams.
	// On a bound socket they are off: there is only one.
	parse bool

	guard          *localroute.Table // nil where the kernel cannot be asked
	guard4, guard6 bool              // the guard is this package's to keep, not the kernel's
	release        runtime.Cleanup
	closed         atomic.Bool

	gro            bool
	ahead          *readAhead // nil unless asked for
	held           *coalescer // nil unless asked for
	offload        offload.Policy
	class4, class6 atomic.Uint32 // the socket's own type of service and traffic class

	strict bool
	memory *pathmem.Table // nil when turned off or not needed
	group  uint32         // whose carried addresses to believe

	count counters

	// life guards closing, and the deadlines that wake a Server for it.
	life   sync.Mutex
	served atomic.Bool   // by a Server
	woken  bool          // and is to end: deadlines stay as they are
	ended  chan struct{} // closed when woken

	ops       sync.Pool // of *op
	receivers sync.Pool // of *receiver
	senders   sync.Pool // of *sender

	// Not beside ops, which those who find it in use go to.
	own   *op           // for who has set inUse
	inUse atomic.Uint32 // 1 while own is
}

var (
	_ net.PacketConn = (*Conn)(nil)
	_ net.Conn       = (*Conn)(nil)
	_ syscall.Conn   = (*Conn)(nil)
)

// A source is a local address in the kernel's terms: unmapped, without a
// zone's name, and the interface index that its scope demands.
type source struct {
	addr    netip.Addr
	ifindex uint32
	// pinned says that the datagram must leave by the interface ifindex,
	// because a caller's own control message says so. Addr may then be
	// unspecified.
	pinned bool
}

// scoped reports whether a is only meaningful together with an interface: a
// link-local IPv6 address (RFC 4007), or "::", which stands for the address of
// the interface that a multicast datagram came in by. IPv4 has no such addresses:
// an index beside an IPv4 source would pin the way out.
func scoped(a netip.Addr) bool { return a.Is6() && scoped6(a) }

func scoped6(a netip.Addr) bool { return a.IsLinkLocalUnicast() || a.IsUnspecified() }

// An op is the memory of one call in progress. They are pooled for each Conn:
// a memo must not be shown another namespace's table.
type op struct {
	msg    mmsg.Msg
	memory pathmem.View // of the Conn's, if it has one
	memo   localroute.Memo
	oob    [pktinfo.Size]byte
	own    bool // it is the Conn's own, not of the pool
}

func (c *Conn) newOp() any {
	o := new(op)
	o.msg.Init()
	if c.memory != nil {
		o.memory = c.memory.View()
	}
	return o
}

// op returns an op for one call, to be given back to done. The Conn's own is less
// work than one of the pool, and enough where one goroutine reads and answers.
func (c *Conn) op() *op {
	if c.inUse.Load() != 0 || !c.inUse.CompareAndSwap(0, 1) {
		return c.ops.Get().(*op)
	}
	if c.own == nil {
		c.own = c.newOp().(*op)
		c.own.own = true
	}
	return c.own
}

func (c *Conn) done(o *op) {
	if o.own {
		c.inUse.Store(0)
	} else {
		c.ops.Put(o)
	}
}

func (c *Conn) ok() bool    { return c != nil && c.conn != nil }
func (c *Conn) inet6() bool { return c.family != pktinfo.IPv4 }
func is4(a netip.Addr) bool { return a.Is4() || a.Is4In6() }

// LocalAddr returns the address that the socket is bound to, a *net.UDPAddr.
// Each call returns a new one.
func (c *Conn) LocalAddr() net.Addr {
	if !c.ok() {
		return nil
	}
	return cloneAddr(c.laddr)
}

// RemoteAddr returns the connected peer's address, or nil if there is none.
// Each call returns a new one.
func (c *Conn) RemoteAddr() net.Addr {
	if !c.ok() {
		return nil
	}
	return cloneAddr(c.raddr)
}

// cloneAddr copies an address, as programs edit the ones they get in place.
func cloneAddr(addr net.Addr) net.Addr {
	a, ok := addr.(*net.UDPAddr)
	if !ok || a == nil {
		return addr
	}
	return &net.UDPAddr{IP: slices.Clone(a.IP), Port: a.Port, Zone: a.Zone}
}

// SetReadBuffer sets the size in bytes of the kernel's receive buffer.
func (c *Conn) SetReadBuffer(bytes int) error {
	if !c.ok() {
		return syscall.EINVAL
	}
	return c.conn.SetReadBuffer(bytes)
}

// SetWriteBuffer sets the size in bytes of the kernel's send buffer.
func (c *Conn) SetWriteBuffer(bytes int) error {
	if !c.ok() {
		return syscall.EINVAL
	}
	return c.conn.SetWriteBuffer(bytes)
}

// File returns a duplicate of the socket, as [net.UDPConn.File] does. Its Fd
// method makes the socket blocking for every duplicate; this package's calls
// do not block even then. For a Conn made with ListenConfig.GRO or ReadAhead it returns
// an error.
func (c *Conn) File() (*os.File, error) {
	if !c.ok() {
		return nil, syscall.EINVAL
	}
	if c.gro || c.ahead != nil {
		return nil, &net.OpError{Op: "file", Net: c.network, Source: c.laddr, Addr: c.raddr, Err: errRaw}
	}
	return c.conn.File()
}

// SyscallConn returns the raw socket, to set options and join groups with.
// Datagrams read through it are not counted or remembered. With ListenConfig.GRO
// or ReadAhead only its Control works, and while a Server reads the Conn, not its
// Read. Other calls of the Conn do not wait for a function that Read or Write runs
// to return, as those of a *net.UDPConn do.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if !c.ok() {
		return nil, syscall.EINVAL
	}
	raw, err := c.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return rawConn{raw, c}, nil
}
