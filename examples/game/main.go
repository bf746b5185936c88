// Game is a server of worlds, one on each VIP, in which players score by every datagram
// that they send. Twenty times a second each player is sent the scores of the world.
//
//	go run ./examples/game 127.0.0.2=forest 127.0.0.3=desert
//	go run ./examples/game -join 127.0.0.2:60002 -name ann
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

func main() {
	listen := flag.String("listen", ":60002", "`address` to listen on")
	join := flag.String("join", "", "play at this `address` instead of serving")
	name := flag.String("name", "", "`name` to play under")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	if *join != "" {
		conn, err := net.Dial("udp", *join) // connected: it receives from there alone
		if err != nil {
			log.Fatal(err)
		}
		context.AfterFunc(ctx, func() { conn.Close() })
		if err := play(conn, *name, os.Stdout); !errors.Is(err, net.ErrClosed) {
			log.Fatal(err)
		}
		return
	}

	worlds := make(byVIP)
	for _, arg := range flag.Args() {
		vip, name, _ := strings.Cut(arg, "=")
		addr, err := netip.ParseAddr(vip)
		if err != nil {
			log.Fatal(err)
		}
		worlds[addr] = newWorld(name)
	}
	conn, err := dsrudp.ListenPacket("udp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	// A handler may wait, for a database perhaps: up to 64 are in progress at once.
	server := &dsrudp.Server{Handler: limit(worlds, 50, 100), Concurrency: 64}
	go func() {
		for now := range time.Tick(time.Second / 20) {
			for _, w := range worlds {
				// To all players at once, each along the path that it came by.
				if _, err := conn.WritePackets(w.tick(now)); err != nil && !errors.Is(err, net.ErrClosed) {
					log.Print(err)
				}
			}
		}
	}()
	context.AfterFunc(ctx, func() { server.Shutdown(context.Background()) }) // waits for the handlers
	log.Printf("listening on %v: %v", conn.LocalAddr(), slices.Collect(maps.Keys(worlds)))
	if err := server.Serve(conn); !errors.Is(err, dsrudp.ErrServerClosed) {
		log.Fatal(err)
	}
}

// byVIP calls the handler of the address that was written to. What is sent to another one of
// the host is dropped.
type byVIP map[netip.Addr]*world

func (m byVIP) ServePacket(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
	if world := m[p.Path.Local.Addr()]; world != nil {
		world.ServePacket(w, p)
	}
}
