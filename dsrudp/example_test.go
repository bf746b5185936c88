package dsrudp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/netip"
	"time"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// exampleAsk writes to an address of the server's and prints what comes back; the
// socket is connected, so it receives from nobody else.
func exampleAsk(server net.Addr, vip string) {
	port := server.(*net.UDPAddr).Port
	c, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(vip), Port: port})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "hello")
	b := make([]byte, 64)
	n, err := c.Read(b)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s answered %q\n", vip, b[:n])
}

// The one changed line: a server that answers on every address of its host.
func ExampleListenUDP() {
	conn, err := dsrudp.ListenUDP("udp4", &net.UDPAddr{}) // was net.ListenUDP
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	go func() {
		b := make([]byte, 1500)
		for {
			n, addr, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			conn.WriteTo(b[:n], addr)
		}
	}()
	exampleAsk(conn.LocalAddr(), "127.0.0.1")
	exampleAsk(conn.LocalAddr(), "127.0.0.2")
	// Output:
	// 127.0.0.1 answered "hello"
	// 127.0.0.2 answered "hello"
}

// A Path has the VIP that a client wrote to, and is the way of the answer.
func ExampleConn_ReadFromPath() {
	conn, err := dsrudp.ListenPacket("udp4", ":0")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	go func() {
		b := make([]byte, 1500)
		for {
			_, path, err := conn.ReadFromPath(b)
			if err != nil {
				return
			}
			conn.WriteToPath([]byte("you wrote to "+path.Local.Addr().String()), path)
		}
	}()
	exampleAsk(conn.LocalAddr(), "127.0.0.2")
	exampleAsk(conn.LocalAddr(), "127.0.0.3")
	// Output:
	// 127.0.0.2 answered "you wrote to 127.0.0.2"
	// 127.0.0.3 answered "you wrote to 127.0.0.3"
}

// Programs that know only net.Addr get the VIP by PathOf.
func ExamplePathOf() {
	conn, err := dsrudp.ListenPacket("udp4", ":0")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	go func() {
		b := make([]byte, 1500)
		for {
			_, addr, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			path, _ := dsrudp.PathOf(addr)
			conn.WriteTo([]byte("you wrote to "+path.Local.Addr().String()), addr)
		}
	}()
	exampleAsk(conn.LocalAddr(), "127.0.0.3")
	// Output:
	// 127.0.0.3 answered "you wrote to 127.0.0.3"
}

// A socket made elsewhere, as by systemd, is adopted.
func ExampleNewConn() {
	socket, err := net.ListenUDP("udp4", nil)
	if err != nil {
		log.Fatal(err)
	}
	conn, err := dsrudp.NewConn(socket) // conn closes socket from now on
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	go func() {
		b := make([]byte, 1500)
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		conn.WriteToUDPAddrPort(b[:n], from)
	}()
	exampleAsk(conn.LocalAddr(), "127.0.0.2")
	// Output:
	// 127.0.0.2 answered "hello"
}

// Strict makes it an error to send to an address whose path is not known.
func ExampleListenConfig() {
	config := dsrudp.ListenConfig{Strict: true}
	conn, err := config.ListenPacket(context.Background(), "udp4", ":0")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	_, err = conn.WriteToUDPAddrPort([]byte("hello"), netip.MustParseAddrPort("127.0.0.1:9"))
	fmt.Println(err != nil, conn.Stats().UnknownPath)
	// Output:
	// true 1
}

// A loop of one's own over several datagrams at a time.
func ExampleConn_ReadPackets() {
	conn, err := dsrudp.ListenPacket("udp4", ":0")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	go func() {
		packets := make([]dsrudp.Packet, 16)
		for i := range packets {
			packets[i].Buf = make([]byte, 1500)
		}
		for {
			n, err := conn.ReadPackets(packets)
			if err != nil {
				return
			}
			// Each goes back along the Path that it came by.
			if _, err := conn.WritePackets(packets[:n]); err != nil {
				log.Print(err)
			}
		}
	}()
	exampleAsk(conn.LocalAddr(), "127.0.0.1")
	exampleAsk(conn.LocalAddr(), "127.0.0.2")
	// Output:
	// 127.0.0.1 answered "hello"
	// 127.0.0.2 answered "hello"
}

// A Server calls a handler for each datagram, and sends the answers together.
func ExampleServer() {
	conns, err := new(dsrudp.ListenConfig).ListenN(context.Background(), "udp4", ":0", 2)
	if err != nil {
		log.Fatal(err)
	}
	address := conns[0].LocalAddr()
	server := &dsrudp.Server{
		Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			fmt.Fprintf(w, "you wrote %q to %v", p.Payload(), p.Path.Local.Addr())
		}),
		OnError: func(p dsrudp.Path, err error) { log.Print(p, ": ", err) },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(conns...) }() // one goroutine for each Conn

	exampleAsk(address, "127.0.0.1")
	exampleAsk(address, "127.0.0.2")
	server.Shutdown(context.Background())
	fmt.Println(errors.Is(<-served, dsrudp.ErrServerClosed))
	// Output:
	// 127.0.0.1 answered "you wrote \"hello\" to 127.0.0.1"
	// 127.0.0.2 answered "you wrote \"hello\" to 127.0.0.2"
	// true
}

// Handlers that wait, for a database, say, run in goroutines. Shutdown waits for them.
func ExampleServer_concurrency() {
	conn, err := dsrudp.ListenPacket("udp4", ":0")
	if err != nil {
		log.Fatal(err)
	}
	server := &dsrudp.Server{
		Concurrency: 100, // at a time; more wait in the kernel's receive buffer
		Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			time.Sleep(time.Millisecond)
			if err := w.WritePacket(p); err != nil {
				log.Print(err)
			}
		}),
	}
	go server.Serve(conn)
	exampleAsk(conn.LocalAddr(), "127.0.0.2")
	server.Shutdown(context.Background())
	// Output:
	// 127.0.0.2 answered "hello"
}

// greet is the handler of the next two examples.
func greet(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
	fmt.Fprintf(w, "%s from %v", p.Payload(), p.Path.Local.Addr())
}

// A handler is tested without a socket.
func ExampleNewReplyWriter() {
	request := &dsrudp.Packet{Buf: []byte("hello"), N: 5, Path: dsrudp.Path{
		Local:  netip.MustParseAddrPort("198.51.100.2:53"),
		Remote: netip.MustParseAddrPort("203.0.113.2:40695"),
	}}
	w := dsrudp.NewReplyWriter(request, func(reply *dsrudp.Packet) error {
		fmt.Printf("%q to %v\n", reply.Payload(), reply.Path.Remote)
		return nil
	})
	greet(w, request)
	// Output:
	// "hello from 198.51.100.2" to 203.0.113.2:40695
}

// Middleware is a handler around another one. This one keeps back replies that are much
// longer than the request, with which a forged source could have a host flooded.
func ExampleNewReplyWriter_middleware() {
	limit := func(next dsrudp.Handler, factor int) dsrudp.Handler {
		return dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			left := factor * p.N
			next.ServePacket(dsrudp.NewReplyWriter(p, func(reply *dsrudp.Packet) error {
				if left -= reply.N; left < 0 {
					return fmt.Errorf("more than %d times what was asked with", factor)
				}
				return w.WritePacket(reply)
			}), p)
		})
	}
	conn, err := dsrudp.ListenPacket("udp4", ":0")
	if err != nil {
		log.Fatal(err)
	}
	server := &dsrudp.Server{Handler: limit(dsrudp.HandlerFunc(greet), 4)}
	go server.Serve(conn)
	exampleAsk(conn.LocalAddr(), "127.0.0.2")
	server.Shutdown(context.Background())
	// Output:
	// 127.0.0.2 answered "hello from 127.0.0.2"
}
