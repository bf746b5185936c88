package dsrudp_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"

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
