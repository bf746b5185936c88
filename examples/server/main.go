// Server is a complete program with a dsrudp.Server: it echoes each datagram from the
// address that the client wrote to, and ends in good order.
//
//	go run ./examples/server -listen :60002
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

func main() {
	listen := flag.String("listen", ":60002", "`address` to listen on")
	flag.Parse()

	conn, err := dsrudp.ListenPacket("udp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	// Before anybody can know that this runs: a signal must not find it without.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	log.Printf("listening on %v", conn.LocalAddr())

	server := &dsrudp.Server{
		Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			if _, err := fmt.Fprintf(w, "ECHO: %s", p.Payload()); err != nil {
				log.Printf("%v: %v", p.Path, err)
			}
		}),
		// What the kernel says of answers, which are sent together later.
		OnError: func(p dsrudp.Path, err error) { log.Printf("%v: %v", p, err) },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(conn) }()

	select {
	case err := <-served:
		log.Fatal(err) // it has ended by itself
	case <-ctx.Done():
		stop() // the next signal ends the program at once
	}

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil { // answers what is queued, then closes conn
		log.Printf("shutdown: %v", err)
	}
	log.Printf("%+v", conn.Stats())
}
