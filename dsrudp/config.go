package dsrudp

import "syscall"

// A ListenConfig says how to listen. The zero value is what ListenUDP uses. It
// may be used by many goroutines and is not changed.
type ListenConfig struct {
	// Control, if it is not nil, is called with the new socket before it is
	// bound, as [net.ListenConfig.Control] is, and before this package sets
	// its own options.
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
	// buffers; 0 leaves the system's default.
	ReadBuffer, WriteBuffer int

	// PathMemory is the number of remote addresses to remember the path of, at
	// most, for sends that are given only a remote address; 0 stands for
	// 1 048 576, and a negative number turns it off. The half of it that wrote
	// last are remembered in any case; the memory does not shrink. See the package documentation for
	// what it costs and what spoofed datagrams do to it.
	PathMemory int
}

// defaultPathMemory is what ListenConfig.PathMemory 0 stands for.
const defaultPathMemory = 1 << 20
