// Package dsrudp provides a UDP socket whose replies leave from the address that the request
// was sent to.
//
// Behind a passthrough load balancer with Direct Server Return (Google Cloud's external
// passthrough Network Load Balancer, IPVS in direct routing, Katran, Azure's floating IP) and
// with anycast, a datagram arrives with the balancer's address, the VIP, as its destination. A
// server bound to the wildcard address answers from the machine's own address, and the kernel of
// a client whose socket is connected rejects the answer. This package gets each datagram's
// destination from the kernel (IP_PKTINFO of ip(7), IPV6_RECVPKTINFO of RFC 3542) and sends the
// answer from it:
//
//	conn, err := dsrudp.ListenUDP("udp", addr) // was net.ListenUDP
//
// # What to use
//
//   - [Conn] has every method of *net.UDPConn. A library that takes a net.PacketConn takes a
//     Conn. How a send finds its source is said there.
//   - [Server] calls a [Handler] for each datagram and sends the answers together: the shortest
//     way to a new server, and under load the fastest. Handlers that wait run in goroutines
//     ([Server.Concurrency]), and can be tested without a socket ([NewReplyWriter]).
//   - [Conn.ReadFromPath] and [Conn.WriteToPath] are for a loop of one's own: reply with the
//     [Path] you received. [Conn.ReadPackets] and [Conn.WritePackets] handle many at once.
//   - [ListenConfig] has the options: several sockets on one port, offload, strictness,
//     adopting sockets made elsewhere. [Conn.Stats] counts what goes wrong.
//
// See the Examples. https://github.com/dsrudp/go-dsrudp has servers of DNS, HTTP/3, TURN and games,
// restarts, metrics, a program that says what will not work on a host, and guides for balancers.
//
// # From other packages
//
//	net           net.ListenUDP(network, addr)       ListenUDP
//	              net.ListenPacket, ListenConfig     ListenPacket, ListenConfig.ListenPacket
//	              FilePacketConn, DialUDP,           NewConn of the *net.UDPConn
//	              ListenMulticastUDP
//	x/net         ipv4.NewPacketConn(c)              the Conn; a PacketConn for options and groups alone
//	              p.ReadBatch, p.WriteBatch          Conn.ReadBatch, Conn.WriteBatch
//	              ControlMessage.Dst, .Src           PathOf(addr), or Path of ReadFromPath
//	              ControlMessage.IfIndex             Packet.Interface, ListenConfig.ReplyByInterface
//	miekg/dns     Server{Addr, Net}                  Server{PacketConn: conn}
//	              ReadFromSessionUDP, SessionUDP     Conn.ReadFrom, and the address it returns
//	              WriteToSessionUDP                  Conn.WriteTo
//
// # Systems
//
// Linux has everything. macOS, FreeBSD, NetBSD, OpenBSD and Windows have everything but FreeBind,
// GRO and ECN, and batches are one datagram for each system call there; their kernels validate
// source addresses themselves. On other systems listening returns [ErrNotSupported].
package dsrudp
