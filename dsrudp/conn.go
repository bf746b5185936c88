package dsrudp

import (
	"net"
	"net/netip"
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
	conn         *net.UDPConn
	raw          syscall.RawConn
	sock         *mmsg.Socket
	zones        *zone.Cache
	groupSources groupSources

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

	strict  bool
	memory  *pathmem.Table // nil when turned off or not needed
	groupID uint32         // whose carried addresses to believe

	count counters

	// life guards closing, and the deadlines that wake a Server for it.
	life   sync.Mutex
	served atomic.Bool   // by a Server
	woken  bool          // and is to end: deadlines stay as they are
	ended  chan struct{} // closed when woken

	ops       sync.Pool // of *op
	receivers sync.Pool // of *batchReceiver
	senders   sync.Pool // of *batchSender

	// Not beside ops, which those who find it in use go to.
	solo      *op           // for a call that is alone: it has set soloInUse
	soloInUse atomic.Uint32 // 1 while solo is in use
}

var (
	_ net.PacketConn = (*Conn)(nil)
	_ net.Conn       = (*Conn)(nil)
	_ syscall.Conn   = (*Conn)(nil)
)

func (c *Conn) ok() bool    { return c != nil && c.conn != nil }
func (c *Conn) inet6() bool { return c.family != pktinfo.IPv4 }

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
