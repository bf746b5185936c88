// Echo is the echo server of the document that this project grew from, with one
// line changed: it listens with dsrudp instead of net, and so answers from the
// address that the client wrote to.
//
//	go run ./examples/echo -listen :60002 -v
package main

import (
	"errors"
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

func main() {
	listen := flag.String("listen", ":60002", "`address` to listen on")
	verbose := flag.Bool("v", false, "print remote and local address and size of each datagram")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("echo takes no arguments, got %q; see -help", flag.Args())
	}

	conn, err := dsrudp.ListenPacket("udp", *listen) // was net.ListenPacket
	if err != nil {
		log.Fatal(err)
	}
	// Before the log says that the program listens: a signal may follow at once.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	log.Printf("listening on %v", conn.LocalAddr())
	go func() {
		<-stop
		conn.Close()
	}()

	serve(conn, *verbose)
}

// serve echoes until conn is closed.
func serve(conn net.PacketConn, verbose bool) {
	const prefix = "ECHO: "
	buf := make([]byte, len(prefix)+65535)
	copy(buf, prefix)
	for {
		n, addr, err := conn.ReadFrom(buf[len(prefix):])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			log.Printf("read: %v", err)
			continue
		}
		if verbose {
			path, _ := dsrudp.PathOf(addr)
			log.Printf("%v > %v, %d bytes", addr, path.Local, n)
		}
		if _, err := conn.WriteTo(buf[:len(prefix)+n], addr); err != nil {
			log.Printf("write: %v", err) // this client's trouble, not the others'
		}
	}
}
