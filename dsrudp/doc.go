// Package dsrudp provides a UDP socket whose replies leave from the address that the
// request was sent to.
//
// Behind a passthrough load balancer with Direct Server Return (Google Cloud's
// external passthrough Network Load Balancer, IPVS in direct routing, Katran,
// Azure's floating IP) and with anycast, a datagram arrives with the balancer's
// address, the VIP, as its destination. A server bound to the wildcard address
// answers with sendto, for which the kernel picks the machine's own address, and
// the kernel of a client whose socket is connected rejects the answer: it comes
// from an address that the client never wrote to. The same happens on any host
// with several addresses.
//
// This package gets each datagram's destination from the kernel (IP_PKTINFO of
// ip(7), IPV6_RECVPKTINFO of RFC 3542) and sends the answer from it. Replace
//
//	conn, err := net.ListenUDP("udp", addr)
//
// by
//
//	conn, err := dsrudp.ListenUDP("udp", addr)
//
// and the rest of the program stays. [Conn] has every method of *net.UDPConn.
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
//     the path memory: the local address that it last wrote to.
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
// # Path memory
//
// It takes about 110 bytes for each remote address, grows as they come, and holds
// at most ListenConfig.PathMemory of them (by default a million); beyond that old
// ones make room, which is counted. A datagram with a spoofed source can put
// any remote address into it, point a remote address's path to another VIP of
// this host until that remote writes again, make it ambiguous, and with many
// addresses push others out. It can never make the Conn send from an address
// that is not local. Programs that cannot have that keep the Path or the
// returned address, and turn the memory off.
//
// # Many datagrams at once
//
// A [Server] is the fastest way to answer datagrams, and the simplest: it receives
// them several at a time, calls a [Handler] for each, and sends
// the answers with one system call. [Conn.ReadPackets] and [Conn.WritePackets] do
// that for programs with a loop of their own, and [Conn.ReadBatch] and
// [Conn.WriteBatch] for those that expect golang.org/x/net's methods.
//
// Datagrams that are sent together along one Path, with one length and one ECN mark, are
// given to the kernel as one message, which it cuts up again (UDP_SEGMENT). Datagrams of
// one Path keep their order; those of different Paths may change places. WriteBatch, and
// every send with ListenConfig.NoOffload, keeps the order of all, and nothing changes
// places with a datagram whose source or target is left to the kernel.
//
// With ListenConfig.GRO the kernel also joins the datagrams that it receives: a [Packet]
// then holds several of them, which Server splits.
//
// System calls are raw ones that Go's scheduler does not see, as none of them can block,
// unless ListenConfig.PlainSyscalls asks for others. On a server that is not busy this is
// most of what is saved against net. In exchange a stop of the world waits for the
// call in progress, which receives at most 64 datagrams or sends at most 32 messages.
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
// # Systems
//
// Linux has everything. macOS, FreeBSD, NetBSD, OpenBSD and Windows have everything
// but FreeBind, GRO and ECN, and batches are one datagram for each system call there;
// their kernels validate source addresses themselves. On other systems listening returns
// [ErrNotSupported].
package dsrudp
