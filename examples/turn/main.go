// Turn is a STUN and TURN server made with github.com/pion/turn.
//
//	go run ./examples/turn
//	turnutils_uclient -y -c -u user -w secret 127.0.0.2
//
// What it relays leaves from -relay, one address of this host. It should be one that peers
// reach this host alone by: their answers to a VIP would go to any of the backends.
package main

import (
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/pion/turn/v4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

const realm = "example"

func main() {
	listen := flag.String("listen", ":3478", "`address` to listen on")
	relay := flag.String("relay", "127.0.0.1", "IPv4 `address` to relay from")
	user := flag.String("user", "user", "`name` of the only user")
	password := flag.String("password", "secret", "`password` of the user")
	flag.Parse()

	conn, err := dsrudp.ListenPacket("udp", *listen) // was net.ListenPacket
	if err != nil {
		log.Fatal(err)
	}
	server, err := newServer(conn, *relay, *user, *password)
	if err != nil {
		log.Fatal(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	log.Printf("listening on %v, relaying from %s", conn.LocalAddr(), *relay)
	<-stop
	if err := server.Close(); err != nil {
		log.Fatal(err)
	}
}

func newServer(conn net.PacketConn, relay, user, password string) (*turn.Server, error) {
	key := turn.GenerateAuthKey(user, realm, password)
	return turn.NewServer(turn.ServerConfig{
		Realm: realm,
		AuthHandler: func(name, _ string, client net.Addr) ([]byte, bool) {
			path, _ := dsrudp.PathOf(client)
			log.Printf("%v asks %v as %s", client, path.Local, name)
			return key, name == user
		},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn: conn,
			// These sockets are bound to one address, which needs nothing but net.
			RelayAddressGenerator: &turn.RelayAddressGeneratorNone{Address: relay},
		}},
	})
}
