//go:build linux

package echo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"

	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// WithGRO is for servers that receive as one what GRO joined.
var plain, withGRO = dsrudp.ListenConfig{}, dsrudp.ListenConfig{GRO: true}

// onConn returns a server of loop on each of its Conns.
func onConn(lc dsrudp.ListenConfig, loop func(*dsrudp.Conn) error) func(Spec) (*server, error) {
	return func(s Spec) (*server, error) {
		srv, cs, err := listen(s, lc)
		for _, c := range cs {
			srv.loops = append(srv.loops, func() error { return loop(c) })
		}
		return srv, err
	}
}

// onServer returns a server of one dsrudp.Server on all of its Conns.
func onServer(lc dsrudp.ListenConfig) func(Spec) (*server, error) {
	return func(s Spec) (*server, error) {
		srv, cs, err := listen(s, lc)
		if err != nil {
			return nil, err
		}
		d := dsrudp.Server{Handler: dsrudp.HandlerFunc(reply)}
		srv.loops = append(srv.loops, func() error { return d.Serve(cs...) })
		return srv, nil
	}
}

func reply(w dsrudp.ReplyWriter, p *dsrudp.Packet) { w.Write(p.Payload()) }

// listen opens the Conns of s and returns a server of them without loops.
func listen(s Spec, lc dsrudp.ListenConfig) (*server, []*dsrudp.Conn, error) {
	lc.NoOffload, lc.PlainSyscalls = s.NoOffload, s.PlainSyscalls
	cs := make([]*dsrudp.Conn, 1)
	var err error
	if s.Sockets > 1 {
		cs, err = lc.ListenN(context.Background(), s.Network, ":0", s.Sockets)
	} else {
		cs[0], err = lc.ListenPacket(context.Background(), s.Network, ":0")
	}
	if err != nil {
		return nil, nil, err
	}
	for _, c := range cs { // not ListenConfig.ReadBuffer, for which less is an error
		if err := c.SetReadBuffer(readBuffer); err != nil {
			return nil, nil, err
		}
	}
	// The Conns share one path memory.
	stats := func(st *Stats) { s := cs[0].Stats(); st.PathEntries, st.PathBytes = s.PathEntries, s.PathBytes }
	return &server{port: cs[0].LocalAddr().(*net.UDPAddr).Port, stats: stats}, cs, nil
}

func readFromPath(c *dsrudp.Conn) error {
	return repeat(func(b []byte) error {
		n, path, err := c.ReadFromPath(b)
		if err == nil {
			_, err = c.WriteToPath(b[:n], path)
		}
		return err
	})
}

// readBatch sends no control messages: the address carries the path.
func readBatch(c *dsrudp.Conn) error { return batches(c, func(m *ipv4.Message) { m.OOB = nil }) }

// readPackets returns a loop with buffers of size bytes.
func readPackets(size int) func(*dsrudp.Conn) error {
	return func(c *dsrudp.Conn) error {
		ps := make([]dsrudp.Packet, batchSize)
		for i := range ps {
			ps[i].Buf = make([]byte, size)
		}
		for {
			n, err := c.ReadPackets(ps)
			if err == nil {
				_, err = c.WritePackets(ps[:n])
			}
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
		}
	}
}

// Memory is what objects of dsrudp take, in bytes of heap and stacks.
type Memory struct {
	// Conn is the size of a Conn that listens, and Reader what serving it
	// adds: a goroutine and its buffers.
	Conn   int `json:"conn_bytes"`
	Reader int `json:"reader_bytes"`
}

// conns is the number of Conns that the size of one is the average of.
const conns = 200

// MeasureMemory measures. It must be the only thing that the process does.
func MeasureMemory() (m Memory, err error) {
	var lc dsrudp.ListenConfig
	before := used()
	var cs []*dsrudp.Conn
	defer func() {
		for _, c := range cs {
			err = errors.Join(err, c.Close())
		}
	}()
	for range conns {
		c, err := lc.ListenPacket(context.Background(), "udp4", ":0")
		if err != nil {
			return m, fmt.Errorf("echo: measuring memory: %w", err)
		}
		cs = append(cs, c)
	}
	idle := used()
	m.Conn = (idle - before) / conns

	s := dsrudp.Server{Handler: dsrudp.HandlerFunc(reply)}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(cs...) }()
	for _, c := range cs {
		if err := ask(c); err != nil {
			return m, fmt.Errorf("echo: measuring memory: %w", err)
		}
	}
	m.Reader = (used() - idle) / conns
	return m, nil
}

// ask waits until a served Conn answers, and so has its buffers.
func ask(c *dsrudp.Conn) error {
	client, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: c.LocalAddr().(*net.UDPAddr).Port})
	if err != nil {
		return err
	}
	defer client.Close()
	b := make([]byte, 1)
	if _, err := client.Write(b); err != nil {
		return err
	}
	_, err = client.Read(b)
	return err
}

// used returns the bytes of heap and stacks in use.
func used() int {
	runtime.GC()
	runtime.GC() // also what pools keep for a cycle
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
