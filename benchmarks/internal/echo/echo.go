//go:build linux

// Package echo has the UDP echo servers that are compared, one for each way of
// receiving and sending. Each is written as the documentation of what it uses
// suggests, and allocates nothing of its own per datagram.
package echo

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"runtime/metrics"
	"slices"
	"time"
)

// A Spec says which server in Go to run, and how.
type Spec struct {
	// Name is that of a server in Names.
	Name string
	// Network is "udp4", "udp6" or "udp", which is dual-stack.
	Network string
	// Sockets is the number of sockets, each with a goroutine, that share the
	// port (SO_REUSEPORT). 0 is one.
	Sockets int
	// NoOffload and PlainSyscalls are those of dsrudp.ListenConfig.
	NoOffload, PlainSyscalls bool
	// CollectGarbage runs the garbage collector every 10 ms, to measure how long
	// it takes to stop the server's goroutines.
	CollectGarbage bool
}

// A server is one that listens.
type server struct {
	port  int
	loops []func() error // each runs in a goroutine until its socket is closed
	stats func(*Stats)   // or nil
}

// servers has what makes each server listen, by name. The servers of net and
// wireguard-go reply from the address that the kernel chooses.
var servers = map[string]func(Spec) (*server, error){
	"net AddrPort":         onNet(addrPort),
	"net ReadFrom":         onNet(readFrom),
	"net ReadFromUDP":      onNet(readFromUDP),
	"x/net ControlMessage": onNet(controlMessage),
	"x/net ReadBatch":      onNet(xnetBatch, pktinfo),
	"miekg/dns SessionUDP": onNet(sessionUDP, pktinfo),

	"wireguard-go StdNetBind": wireguard,

	"dsrudp AddrPort":         onConn(plain, addrPort),
	"dsrudp ReadFrom":         onConn(plain, readFrom),
	"dsrudp ReadFromUDP":      onConn(plain, readFromUDP),
	"dsrudp ReadFromPath":     onConn(plain, readFromPath),
	"dsrudp ReadBatch":        onConn(plain, readBatch),
	"dsrudp ReadPackets":      onConn(plain, readPackets(batchBuffer)),
	"dsrudp ReadPackets, GRO": onConn(withGRO, readPackets(maxDatagram)),
	"dsrudp Server":           onServer(plain),
	"dsrudp Server, GRO":      onServer(withGRO),
}

// Names returns the names of all servers.
func Names() []string { return slices.Sorted(maps.Keys(servers)) }

const (
	// readBuffer is the size in bytes requested for the kernel's receive buffer.
	// An ordinary user gets less.
	readBuffer = 1 << 20
	// maxDatagram is enough for each payload, and for what GRO joins.
	maxDatagram = 1 << 16
	// batchSize is the number of datagrams of a batch, and batchBuffer the size
	// in bytes of each one's buffer.
	batchSize   = 64
	batchBuffer = 2048
)

// repeat calls answer, which receives one datagram into b and sends it back,
// until the socket is closed. Any other error is one peer's, and the next
// datagram may be another's.
func repeat(answer func(b []byte) error) error {
	b := make([]byte, maxDatagram)
	for {
		if err := answer(b); errors.Is(err, net.ErrClosed) {
			return nil
		}
	}
}

// The three pairs of methods that net and dsrudp have in common.

func addrPort[C interface {
	ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
}](c C) error {
	return repeat(func(b []byte) error {
		n, addr, err := c.ReadFromUDPAddrPort(b)
		if err == nil {
			_, err = c.WriteToUDPAddrPort(b[:n], addr)
		}
		return err
	})
}

func readFrom[C net.PacketConn](c C) error {
	return repeat(func(b []byte) error {
		n, addr, err := c.ReadFrom(b)
		if err == nil {
			_, err = c.WriteTo(b[:n], addr)
		}
		return err
	})
}

func readFromUDP[C interface {
	ReadFromUDP([]byte) (int, *net.UDPAddr, error)
	WriteToUDP([]byte, *net.UDPAddr) (int, error)
}](c C) error {
	return repeat(func(b []byte) error {
		n, addr, err := c.ReadFromUDP(b)
		if err == nil {
			_, err = c.WriteToUDP(b[:n], addr)
		}
		return err
	})
}

// Ready is the first value that a server's process writes.
type Ready struct {
	Port int
}

// Stats is what it writes for each line that it reads.
type Stats struct {
	// Mallocs and Bytes are what was allocated since the start.
	Mallocs, Bytes uint64
	// PathEntries and PathBytes are the number of remote addresses in dsrudp's
	// path memory and its size in bytes.
	PathEntries, PathBytes int
	// Stops are the times it took to stop the goroutines for each garbage
	// collection, with Spec.CollectGarbage.
	Stops Stops
}

// Serve runs a server until r ends. It writes to w Ready, and Stats for each
// line of r.
func Serve(s Spec, r io.Reader, w io.Writer) error {
	listen, ok := servers[s.Name]
	if !ok {
		return fmt.Errorf("echo: no server is called %q; there are %q", s.Name, Names())
	}
	s.Sockets = max(s.Sockets, 1)
	srv, err := listen(s)
	if err != nil {
		return fmt.Errorf("echo: %s: %w", s.Name, err)
	}
	out := json.NewEncoder(w)
	if err := out.Encode(Ready{srv.port}); err != nil {
		return err
	}
	ended := make(chan error, len(srv.loops)+1)
	for _, loop := range srv.loops {
		go func() { ended <- loop() }()
	}
	if s.CollectGarbage {
		go func() {
			for range time.Tick(10 * time.Millisecond) {
				runtime.GC()
			}
		}()
	}
	go func() {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if err := out.Encode(srv.read()); err != nil {
				ended <- err
				return
			}
		}
		ended <- lines.Err()
	}()
	return <-ended
}

func (srv *server) read() (st Stats) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	st.Mallocs, st.Bytes = m.Mallocs, m.TotalAlloc
	st.Stops = stops()
	if srv.stats != nil {
		srv.stats(&st)
	}
	return st
}

// Stops are quantiles of the time that it took to stop the goroutines, and the
// number of times that it was done.
type Stops struct {
	N             uint64
	P50, P90, P99 time.Duration
}

// stops reads the runtime's histogram. The quantiles are upper bounds of its
// buckets, which are a few per cent wide.
func stops() (s Stops) {
	samples := []metrics.Sample{{Name: "/sched/pauses/stopping/gc:seconds"}}
	metrics.Read(samples)
	if samples[0].Value.Kind() != metrics.KindFloat64Histogram {
		return s
	}
	h := samples[0].Value.Float64Histogram()
	for _, c := range h.Counts {
		s.N += c
	}
	quantile := func(q float64) time.Duration {
		var sum uint64
		for i, c := range h.Counts {
			if sum += c; c > 0 && float64(sum) >= q*float64(s.N) {
				return time.Duration(h.Buckets[i+1] * float64(time.Second)).Round(100 * time.Nanosecond)
			}
		}
		return 0
	}
	s.P50, s.P90, s.P99 = quantile(.5), quantile(.9), quantile(.99)
	return s
}
