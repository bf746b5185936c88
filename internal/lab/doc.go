// Package lab builds, in network namespaces, the network in which a UDP
// server behind a passthrough load balancer loses its replies: a client, an
// internet gateway, a load balancer, and two or more backends that answer the
// client directly (Direct Server Return).
//
//	client                 gateway                      backend1, backend2, ...
//	203.0.113.2 ---------- 203.0.113.1     10.128.0.1 --- 10.128.0.2, .3, ...
//	                          |               (vpc)   --- local 198.51.100.2
//	                          |                 |           dev eth0 proto 66
//	                       10.130.0.1           |
//	                          |                 |
//	                       10.130.0.2 balancer 10.128.0.254
//
// The addresses are those of Google's document "Use UDP with external
// passthrough Network Load Balancers", and so is the behaviour: a backend has
// the balancer's addresses, the VIPs, only as local routes that no interface
// owns; the gateway translates each backend's internal address to an external
// one of its own (10.128.0.2 to 198.51.100.3) and leaves a VIP as source
// alone. IPv4 and IPv6 run side by side. IPv6 addresses are not translated: a
// naive reply leaves from the backend's own address, and the client rejects it
// just the same.
//
// Everything is done by system calls from Go, without ip, nft or tcpdump, and
// by an ordinary user wherever the system grants user namespaces: [Main]
// starts the program again in namespaces of its own. These have no name. They
// are held by file descriptors alone, so that nothing is left when the process
// is gone, however it went.
//
// The package is independent of the server under test. A server is placed on a
// host by creating its socket in [Host.Do]; clients are connected sockets from
// [Host.DialUDP], because an unconnected one accepts an answer from anywhere
// and hides the fault; [Host.Capture] records what really crossed the wire.
//
// A program begins with Main, a test binary with that of package labtest:
//
//	func main() {
//		lab.Main(func() int {
//			l, err := lab.New(lab.Options{})
//			...
//			defer l.Close()
//			for _, b := range l.Backends {
//				err := b.Do(func() (err error) {
//					conn, err = net.ListenUDP("udp", &net.UDPAddr{Port: lab.Port})
//					return err
//				})
//				...
//			}
//			vip := netip.AddrPortFrom(l.VIPs4[0], lab.Port)
//			client, err := l.Client.DialUDP("udp", netip.AddrPort{}, vip)
//			...
//		})
//	}
//
// The package is for Linux only, and empty elsewhere.
package lab
