// Server is a complete program with a dsrudp.Server behind a load balancer. It echoes each
// datagram from the address that the client wrote to, by handlers that take a while, and
// loses no answer when it ends: by SIGTERM or an interrupt its health check fails first, it
// serves on for as long as the balancer may take to see that, and then answers what is left.
//
//	go build ./examples/server && ./server -listen :60002 -health :8080 -drain 10s
//
// (A SIGTERM to go run would end that alone, and leave the program running.)
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

func main() {
	listen := flag.String("listen", ":60002", "UDP `address` to listen on")
	health := flag.String("health", ":8080", "TCP `address` of the health check, by HTTP")
	drain := flag.Duration("drain", 10*time.Second, "how long to serve on when the health check fails")
	work := flag.Duration("work", 50*time.Millisecond, "how long a handler takes")
	flag.Parse()

	conn, err := dsrudp.ListenPacket("udp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	checks, err := net.Listen("tcp", *health)
	if err != nil {
		log.Fatal(err)
	}
	// Before the log says that the program listens: a signal may follow at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	log.Printf("listening on %v, health on %v", conn.LocalAddr(), checks.Addr())

	server := &dsrudp.Server{
		Concurrency: 1000,
		Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
			time.Sleep(*work) // a database is asked, for example
			if _, err := fmt.Fprintf(w, "ECHO: %s", p.Payload()); err != nil {
				log.Print(err)
			}
		}),
	}
	go http.Serve(checks, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if ctx.Err() != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	go func() {
		<-ctx.Done()
		stop()
		log.Printf("draining for %v; a second signal ends the program at once", *drain)
		time.Sleep(*drain)
		server.Shutdown(context.Background())
	}()
	if err := server.Serve(conn); !errors.Is(err, dsrudp.ErrServerClosed) {
		log.Fatal(err)
	}
	log.Printf("%+v", conn.Stats())
}
