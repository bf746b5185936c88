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
	// local address the remote wrote to last; both are counted in Stats.
	Strict bool

	// GRO has the kernel join datagrams of one flow that come close together
	// into trains, which cost little more than one datagram each: UDP_GRO of
	// udp(7), on Linux. A train comes as one Packet, with its SegmentSize.
	// Only ReadPackets and [Server] read such a Conn; other reads, File and
	// reads and writes through SyscallConn are refused.
	GRO bool

	// ECN has the kernel tell each datagram's mark for explicit congestion
	// notification (Packet.ECN), on Linux.
	ECN bool

	// NoOffload sends each datagram by itself, in the order written. Without it
	// Linux is given equal ones of one Path together; see [Conn.WritePackets].
	// On Linux 7.0 to 7.1.4, which was reported to corrupt those, it is as if it
	// were set.
	NoOffload bool

	// ReadAhead is how many datagrams to take from the kernel at once, up to
	// 32, for calls that read one (ReadFrom and its kin, ReadFromPath); 0 and
	// 1 take one. It saves system calls under load. The datagrams taken are
	// this Conn's alone: File, reads and writes through SyscallConn, ReadBatch
	// and ReadPackets are refused. It takes 64 KiB of address space for each,
	// and ReadMsgUDP gets at most 512 bytes of control messages.
	ReadAhead int

	// CoalesceWrites holds back what is written while there are datagrams
	// that were read ahead, to send it with one system call when the last of
	// them is taken, 32 are held, or after a millisecond. A write then returns
	// before its datagram was sent: what the kernel says is counted (Stats)
	// and told to OnWriteError. A missing path and, for IPv6, a source that is
	// not local are errors of the write even so. Datagrams of different Paths
	// may change places, as with WritePackets, unless NoOffload is set. It
	// implies a ReadAhead of 32 where that is 0, and is for programs that
	// answer each datagram from the goroutine that reads.
	CoalesceWrites bool

	// OnWriteError, if it is not nil, is told of datagrams that were written
	// with CoalesceWrites and then not sent, on a goroutine of its own.
	OnWriteError func(p Path, err error)

	// PlainSyscalls tells Go's scheduler of each system call, as net does.
	// Without it they are raw ones on Linux, which is much cheaper for a
	// server that is not busy, but a stop of the world (garbage collection)
	// waits until those in progress end. Each moves at most 32 messages, and
	// sends at most 128 KiB; only a full batch of received trains is more.
	PlainSyscalls bool

	// ReadBuffer and WriteBuffer are the sizes in bytes of the kernel's
	// buffers; 0 leaves the system's default.
	ReadBuffer, WriteBuffer int

	// PathMemory is the number of remote addresses to remember the path of,
	// for sends that are given only a remote address; 0 stands for 1 048 576,
	// and a negative number turns it off. See the package's documentation for
	// what it costs and what spoofed datagrams do to it.
	PathMemory int
}
