//go:build linux

package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"sync"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// prefix is what the echo puts before a request to make the answer.
const prefix = "ECHO: "

// wildcard is what both servers listen on.
var wildcard = &net.UDPAddr{Port: lab.Port}

// A server is one way to listen, and what is to become of its answers.
type server struct {
	name   string
	want   outcome
	listen func() (net.PacketConn, error)
}

// servers are the two under test. One call is all they differ in.
var servers = []server{
	{"net", rejected, func() (net.PacketConn, error) { return net.ListenUDP("udp", wildcard) }},
	{"dsrudp", accepted, func() (net.PacketConn, error) { return dsrudp.ListenUDP("udp", wildcard) }},
}

// serve is the document's echo, for both. It ends when conn is closed.
func serve(conn net.PacketConn, logger *log.Logger) {
	buf := make([]byte, len(prefix)+1500)
	copy(buf, prefix)
	for {
		n, addr, err := conn.ReadFrom(buf[len(prefix):])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_, err = conn.WriteTo(buf[:len(prefix)+n], addr)
		}
		if err != nil {
			logger.Print(err) // the next client may fare better
		}
	}
}

// start runs the server on all backends until stop is called.
func (s server) start(backends []*lab.Backend, logger *log.Logger) (stop func() error, err error) {
	var conns []net.PacketConn
	var running sync.WaitGroup
	stop = func() error {
		var errs []error
		for _, c := range conns {
			errs = append(errs, c.Close())
		}
		running.Wait()
		return errors.Join(errs...)
	}
	for _, b := range backends {
		var conn net.PacketConn
		err := b.Do(func() (err error) {
			conn, err = s.listen()
			return err
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s on %s: %w", s.name, b.Name, err), stop())
		}
		conns = append(conns, conn)
		running.Go(func() { serve(conn, logger) })
	}
	return stop, nil
}
