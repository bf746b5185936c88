//go:build linux

// Package memory measures what the library's objects weigh.
package memory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// A Result is in bytes, of heap and stacks, without what the kernel has.
type Result struct {
	// Conn is the weight of a Conn that listens, and Reader what serving it
	// adds: a goroutine and its buffers.
	Conn   int `json:"conn_bytes"`
	Reader int `json:"reader_bytes"`
}

// count is the number of objects that the weight of one is the average of.
const count = 200

// Measure measures. It must be the only thing that the process does.
func Measure() (r Result, err error) {
	var lc dsrudp.ListenConfig
	before := weight()
	var cs []*dsrudp.Conn
	defer func() {
		for _, c := range cs {
			err = errors.Join(err, c.Close())
		}
	}()
	for range count {
		c, err := lc.ListenPacket(context.Background(), "udp4", ":0")
		if err != nil {
			return r, fmt.Errorf("memory: %w", err)
		}
		cs = append(cs, c)
	}
	idle := weight()
	r.Conn = (idle - before) / count

	var s dsrudp.Server
	s.Handler = dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) { w.Write(p.Payload()) })
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(cs...) }()
	for _, c := range cs {
		if err := ask(c); err != nil {
			return r, fmt.Errorf("memory: %w", err)
		}
	}
	r.Reader = (weight() - idle) / count
	return r, nil
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

// weight returns the bytes of heap and stacks in use.
func weight() int {
	runtime.GC()
	runtime.GC() // also what pools keep for a cycle
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
