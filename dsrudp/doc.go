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
// This package learns each datagram's destination from the kernel (IP_PKTINFO of
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
//     carries its Path out of sight; [PathOf] shows it.
//   - Any other address, made from a string or a netip.AddrPort, is looked up in
//     the path memory: the local address that it last wrote to.
//   - An address never heard from is sent to as net would, and counted in
//     [Stats]. ListenConfig.Strict makes that an error.
//
// The first three are right also when one client port talks to two VIPs at once.
// The path memory cannot be: it knows the last of them, counts the case
// (Stats.AmbiguousPath), and refuses it with Strict.
//
// A send with a known source leaves from that source or fails: [ErrNoPath] where
// the local address of the datagram was lost, [ErrNotLocal] where it is not, or
// no longer, this host's.
//
// # Path memory
//
// It takes about 50 bytes for each remote address, grows as they come, and holds
// at most ListenConfig.PathMemory of them (by default a million); beyond that an
// old one makes room, which is counted. A datagram with a spoofed source can put
// any remote address into it, point a remote address's path to another VIP of
// this host until that remote writes again, make it ambiguous, and with many
// addresses push others out. It can never make the Conn send from an address
// that is not local. Programs that cannot have that keep the Path or the
// returned address, and turn the memory off.
//
// # Many datagrams at once
//
// A [Server] is the fastest way to answer datagrams, and the simplest: it takes
// them from the kernel several at a time, calls a [Handler] for each, and sends
// the answers with one system call. [Conn.ReadPackets] and [Conn.WritePackets] do
// that for programs with a loop of their own, and [Conn.ReadBatch] and
// [Conn.WriteBatch] for those that expect golang.org/x/net's methods. Programs
// written against net get part of the gain from ListenConfig.ReadAhead and
// CoalesceWrites.
//
// Datagrams that are sent together along one Path, with one length and one ECN mark, are
// given to the kernel as one message, which it cuts up again (UDP_SEGMENT). Datagrams of
// one Path keep their order; those of different Paths may change places. WriteBatch, and
// every send with ListenConfig.NoOffload, keeps the order of all, and nothing changes
// places with a datagram whose source or target is left to the kernel.
//
// With ListenConfig.GRO the kernel also joins the datagrams that it receives: a [Packet] is
// then a train of them, which Server takes apart.
//
// System calls are made without telling Go's scheduler, as none of them can block,
// unless ListenConfig.PlainSyscalls asks for it. On a server that is not busy this is
// most of what is saved against net. In exchange a stop of the world waits for the
// call in progress, which moves at most 32 messages.
//
// # IPv6
//
// Linux refuses to bind to, or send from, an IPv6 VIP that is only a local route,
// unless the socket has IPV6_FREEBIND, which lets it send from any address at
// all. On a socket that needs it this package sets it and keeps the guard itself:
// before an IPv6 datagram leaves, its source must be one that the kernel, when
// last asked, called local or anycast. Answers of the kernel are kept until a
// route or address changes, so that a VIP withdrawn from the host is refused as
// soon as the kernel's notification is read. Where the process may not open a
// netlink socket (seccomp, gVisor) the option is not set: the kernel keeps its
// guard, and VIPs that are only local routes do not work for IPv6.
//
// # Instead of this package
//
// A program that cannot be changed can be repaired in the kernel of its host, by
// DNAT or by stateless mangling.
//
// DNAT translates each VIP to the host's own address. It works for any number of
// VIPs. The program does not learn which VIP was asked. The kernel tracks every
// client, in about 256 bytes each as the project's comparison measured it, and the
// server's port cannot be exempted from tracking; where the table of connections is
// full, new clients get no answer. A client that asks two VIPs from one port, or a
// VIP and the host itself, is seen by the program under two ports. Clients on the
// host itself are not helped.
//
// With 198.51.100.2 the VIP and 10.128.0.2 the host's own address, a rule for each
// VIP (ip6tables for IPv6):
//
//	iptables -t nat -A PREROUTING -p udp -d 198.51.100.2 --dport 60002 -j DNAT --to-destination 10.128.0.2
//
// or by nft (ip6 instead of ip for IPv6):
//
//	nft add table ip nat
//	nft add chain ip nat prerouting '{ type nat hook prerouting priority dstnat; }'
//	nft add rule ip nat prerouting ip daddr 198.51.100.2 udp dport 60002 dnat to 10.128.0.2
//
// Stateless mangling of the source keeps nothing in the kernel. It serves one VIP
// alone: whatever leaves from the host's own address and the server's port gets
// that VIP, also answers to those who asked the host's own address.
//
//	nft add table ip raw
//	nft add chain ip raw postrouting '{ type filter hook postrouting priority 300; }'
//	nft add rule ip raw postrouting ip saddr 10.128.0.2 udp sport 60002 ip saddr set 198.51.100.2
//
// The tables nat and raw are also those of an iptables that works by nf_tables; on a
// host that has one, let nft's be of another name.
//
// A program whose VIPs are few, fixed and IPv4, and whose clients ask by no other
// address, can bind to them with package net, a socket for each.
//
// This package is the wrong choice for a program that cannot be rebuilt, and
// unnecessary where the destination is translated before it reaches the socket.
// The repository's examples/lab runs all of these beside it, on real packets:
//
//	go run ./examples/lab -compare
//
// # Systems
//
// Linux has everything. macOS, FreeBSD, NetBSD, OpenBSD and Windows have everything
// but FreeBind, GRO and ECN, and batches are one datagram for each system call there;
// their kernels check source addresses themselves. On other systems listening returns
// [ErrNotSupported].
package dsrudp
