// Dns is a name server made with github.com/miekg/dns. It answers each query from the
// address that was asked, and says which one that was.
//
//	go run ./examples/dns
//	dig @127.0.0.2 -p 5300 +noall +answer who.example TXT
//
// DNS over TCP needs no change, and port 53 needs CAP_NET_BIND_SERVICE.
package main

import (
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/miekg/dns"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

func main() {
	listen := flag.String("listen", ":5300", "`address` to listen on")
	flag.Parse()

	conn, err := dsrudp.ListenPacket("udp", *listen) // was net.ListenPacket
	if err != nil {
		log.Fatal(err)
	}
	server := newServer(conn)
	server.NotifyStartedFunc = func() {
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
		go func() {
			<-stop
			server.Shutdown() // answers what it has read
		}()
		log.Printf("listening on %v", conn.LocalAddr())
	}
	if err := server.ActivateAndServe(); err != nil {
		log.Fatal(err)
	}
}

func newServer(conn net.PacketConn) *dns.Server {
	return &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(answer)}
}

// answer answers a query with a TXT record, whatever it asks for.
func answer(w dns.ResponseWriter, query *dns.Msg) {
	path, _ := dsrudp.PathOf(w.RemoteAddr()) // where the query came to
	vip := path.Local.Addr().String()
	reply := new(dns.Msg)
	reply.SetReply(query)
	for _, q := range query.Question {
		log.Printf("%v asks %v for %s %s", w.RemoteAddr(), vip, q.Name, dns.Type(q.Qtype))
		reply.Answer = append(reply.Answer, &dns.TXT{
			Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET},
			Txt: []string{"answered by " + vip},
		})
	}
	if err := w.WriteMsg(reply); err != nil {
		log.Printf("answering %v: %v", w.RemoteAddr(), err)
	}
}
