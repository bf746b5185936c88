package dsrudp_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

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
	served := make(chan error)
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

// An answer that takes long is another goroutine's, with a copy of the packet.
func ExampleReplyWriter_late() {
	conn, err := dsrudp.ListenPacket("udp4", ":0")
	if err != nil {
		log.Fatal(err)
	}
	server := &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		conn, request := w.Conn(), p.Clone()
		go func() {
			// A database is asked, for example.
			conn.WriteToPath(request.Payload(), request.Path)
		}()
	})}
	go server.Serve(conn)
	defer server.Shutdown(context.Background())
	exampleAsk(conn.LocalAddr(), "127.0.0.2")
	// Output:
	// 127.0.0.2 answered "hello"
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
