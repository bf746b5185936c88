package dsrudp

import (
	"net"
	"slices"
	"sync"
	"syscall"

	"github.com/dsrudp/go-dsrudp/internal/batch"
	"github.com/dsrudp/go-dsrudp/internal/mmsg"
	"github.com/dsrudp/go-dsrudp/internal/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/source"
)

// A Conn is a UDP socket whose replies leave from the address that the request
// was sent to. It has every method of *net.UDPConn, with the same
// behaviour and errors but for the source of what it sends, and adds those
// that work with a [Path].
//
// An error of a system call names the one that was made, recvmsg or sendmsg, where net makes
// others, which can name no source.
//
// # How a send finds its source
//
// In this order:
//
//   - WriteToPath and WritePackets are given a [Path], as ReadFromPath and ReadPackets
//     returned it; a [ReplyWriter] has that of the request.
//   - WriteMsgUDP, WriteMsgUDPAddrPort and WriteBatch are given control messages that
//     name a source.
//   - WriteTo, WriteToUDP, WriteMsgUDP and WriteBatch are given an address that
//     ReadFrom, ReadFromUDP, ReadMsgUDP or ReadBatch returned, or a copy of it. It
//     carries its Path in memory behind its IP; [PathOf] returns it. Every Conn of the
//     process that is bound to the wildcard address and the same port uses it.
//   - Any other address, made from a string or a netip.AddrPort, is looked up in
//     the path memory ([ListenConfig.PathMemory]): the local address that it last wrote to.
//   - To an address that never wrote here a datagram leaves as net would send it, and
//     is counted in [Stats]. ListenConfig.Strict makes that an error.
//
// A Conn bound to one address sends from that. The first three are right also when one
// client port talks to two VIPs at once. The path memory cannot be: it has the last of
// them, counts the case (Stats.AmbiguousPath), and refuses it with Strict.
//
// A send with a known source leaves from that source or fails: [ErrNoPath] where
// the local address of the datagram was lost, [ErrNotLocal] where it is not, or
// no longer, this host's.
//
// # IPv6
//
// Linux refuses to bind to, or send from, an IPv6 VIP that is only a local route,
// unless the socket has IPV6_FREEBIND, which lets it send from any address at
// all. On a socket that needs it this package sets it and validates sources itself:
// right before an IPv6 datagram leaves, its source must be one that the kernel calls
// local or anycast. The kernel's answer is good for one to two seconds, so that a VIP
// withdrawn from the host is refused within two, and one that was just added may be
// refused for as long.
//
// To ask takes a netlink socket. Where the process may not open one (seccomp, gVisor, a
// systemd unit's RestrictAddressFamilies) the option is not set: the kernel validates, and
// to bind to an IPv6 VIP that is only a local route, or to answer from it, is [ErrNotLocal],
// with an error that names netlink. A unit that restricts address families needs the line
//
//	RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK
//
// # Use
//
// All methods may be called from many goroutines at once. Buffers passed to
// them are the caller's again when they return. One that is declared in a function
// moves to the heap, so allocate it once and use it again.
//
// Sends made through a File or with the descriptor that Control of SyscallConn passes, and
// Write on a socket that was connected with that, are not this package's: they leave from
// the address that the kernel chooses, and on an IPv6 socket from any address they ask
// for. Reads and writes through SyscallConn are refused where they would: see ErrRawIO.
type Conn struct {
	conn   *net.UDPConn
	sock   *mmsg.Socket
	source *source.Selector
	life
	counts counts

	network      string // as it was asked for, for errors
	laddr, raddr net.Addr

	gro     bool
	rawIO   bool
	own     pktinfo.Messages // control messages that the caller's options ask for too
	offload batch.Offload

	msgs    sync.Pool // of *mmsg.Msg, for one datagram
	ins     sync.Pool // of *mmsg.In
	senders sync.Pool // of *batch.Sender
}

var (
	_ net.PacketConn = (*Conn)(nil)
	_ net.Conn       = (*Conn)(nil)
	_ syscall.Conn   = (*Conn)(nil)
)

func (c *Conn) ok() bool { return c != nil && c.conn != nil }

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
	return &net.UDPAddr{IP: slices.Clip(slices.Clone(a.IP)), Port: a.Port, Zone: a.Zone}
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

// makePools makes the pools of memory for calls in progress.
func (c *Conn) makePools() {
	c.msgs.New = func() any { return mmsg.NewMsg() }
	c.ins.New = func() any { return c.newIn(mmsg.MaxIn) }
	c.senders.New = func() any { return c.newSender() }
}

func (c *Conn) newIn(n int) *mmsg.In { return c.sock.NewIn(n, pktinfo.Size) }

func (c *Conn) newSender() *batch.Sender { return batch.NewSender(c.sock, c.source, &c.offload) }
