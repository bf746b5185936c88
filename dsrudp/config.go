package dsrudp

import "syscall"

// A ListenConfig says how to listen, and what Conns are made like. The zero value is what
// ListenUDP and NewConn use. It may be used by many goroutines and is not changed.
type ListenConfig struct {
	// Control, if it is not nil, is called with the new socket before it is
	// bound, as [net.ListenConfig.Control] is, and before this package sets
	// its own options. NewConns calls it too, with "udp4" or "udp6" and the address that the
	// socket has: it is bound already, unless its port is 0.
	Control func(network, address string, c syscall.RawConn) error

	// ReusePort lets several sockets share the address (SO_REUSEPORT), so
	// that each takes part of the datagrams. Available on Linux, macOS and
	// the BSDs; only Linux spreads datagrams evenly.
	ReusePort bool

	// FreeBind lets the socket bind to an address that is not local (yet),
	// as before a failover. Sends are refused until it is. Available on Linux.
	FreeBind bool

	// Strict refuses sends that are given only a remote address (WriteTo and
	// its kin with an address that carries no path, WriteToUDPAddrPort) when
	// no path, or more than one local address, is known for it: ErrNoPath.
	// Without it the first are sent as net would and the second from the
	// local address that the remote wrote to last; both are counted in Stats.
	Strict bool

	// ReplyByInterface has answers leave by the interface that their request came in by,
	// as is needed where one client address is behind two of them. Without it, and for
	// clients on this host, the routing table chooses the way out. It holds for addresses
	// that ReadFrom and its kin returned, for Packets (Packet.Interface) and in a Server,
	// and for control messages that name a source and an interface. A Path, and an address
	// that carries none, has no interface.
	//
	// The interface needs a route to the client. IPv4 takes the client for a neighbour where
	// there is none, and loses the answer in silence if it is not; IPv6 takes the interface
	// for a preference among routes of one prefix and metric, and leaves by another where it
	// has none of them. An interface that is gone is an error. Each remote address costs a
	// question to the kernel every second or two, whether it is this host's. Where the process
	// may not ask (netlink, see [Conn]) no Conn is made. Available on Linux; elsewhere an index
	// is used where the system takes one beside a source.
	ReplyByInterface bool

	// GRO has the kernel join datagrams of one flow that come close together,
	// which then cost little more than one (UDP_GRO of udp(7)). They come as one
	// Packet, with its SegmentSize. Only ReadPackets and [Server] read such a
	// Conn; other reads, File and reads and writes through SyscallConn are
	// refused. Available on Linux.
	GRO bool

	// ECN has the kernel report each datagram's mark for explicit congestion
	// notification (Packet.ECN). Available on Linux.
	ECN bool

	// NoOffload sends each datagram by itself, in the order written. Without it
	// Linux is given equal ones of one Path together; see [Conn.WritePackets].
	// On Linux 7.0 to 7.1.4, which was reported to corrupt those, it is as if it
	// were set.
	NoOffload bool

	// PlainSyscalls reports each system call to Go's scheduler, as net does.
	// Without it they are raw ones on Linux, which is much cheaper for a
	// server that is not busy, but a stop of the world (garbage collection)
	// waits until those in progress end. Each receives at most 64 messages, and
	// sends at most 32 or about 128 KiB.
	PlainSyscalls bool

	// RawIO allows reads and writes through SyscallConn on a Conn that is bound to the
	// wildcard address, which are refused with ErrRawIO otherwise. What they send
	// leaves from the source that its control messages name, which nothing validates
	// on an IPv6 socket, or else from the address that the kernel chooses.
	RawIO bool

	// ReadBuffer and WriteBuffer are the sizes in bytes of the kernel's
	// buffers; 0 leaves the system's default. Where Linux gives less it is an error, unlike
	// with [Conn.SetReadBuffer]: raise net.core.rmem_max or net.core.wmem_max.
	// Datagrams for neighbours that do not answer wait in the send buffer, up to
	// net.ipv4.neigh.*.unres_qlen_bytes for each, which alone is the default size: then there
	// is no room for others for seconds, and 4 MB or more help.
	ReadBuffer, WriteBuffer int

	// PathMemory is the number of remote addresses to remember the path of, at
	// most, for sends that are given only a remote address; 0 stands for
	// 1 048 576, and a negative number turns it off. Each takes about 110 bytes when it
	// comes; beyond the bound old ones make room, which is counted. The half of it that
	// wrote last are remembered in any case; the memory does not shrink.
	//
	// A datagram with a spoofed source can put any remote address into it, point a remote
	// address's path to another VIP of this host until that remote writes again, make it
	// ambiguous, and with many addresses push others out. It can never make the Conn send
	// from an address that is not local. Programs that cannot have that keep the Path or
	// the returned address, and turn the memory off.
	PathMemory int
}

// defaultPathMemory is what ListenConfig.PathMemory 0 stands for.
const defaultPathMemory = 1 << 20
