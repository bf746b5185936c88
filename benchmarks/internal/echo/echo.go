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
	// Procs is GOMAXPROCS, 0 what it is by itself.
	Procs int
	// NoOffload and PlainSyscalls are those of dsrudp.ListenConfig.
	NoOffload, PlainSyscalls bool
	// Probe is one of Probes: the server then shares its process with what
	// that is of.
	Probe string
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
	// HTTP and UDP are the ports of what shares the process, with Spec.Probe.
	HTTP, UDP int
}

// Stats is what it writes for each empty line that it reads. For a line with a
// duration it writes the times that the probe took.
type Stats struct {
	// Mallocs and Bytes are what was allocated since the start.
	Mallocs, Bytes uint64
	// PathEntries and PathBytes are the number of remote addresses in dsrudp's
	// path memory and its size in bytes.
	PathEntries, PathBytes int
}

// Serve runs a server until r ends. It writes to w Ready, and Stats for each
// line of r.
func Serve(s Spec, r io.Reader, w io.Writer) error {
	listen, ok := servers[s.Name]
	if !ok {
		return fmt.Errorf("echo: no server is called %q; there are %q", s.Name, Names())
	}
	s.Sockets = max(s.Sockets, 1)
	runtime.GOMAXPROCS(s.Procs) // 0 changes nothing
	srv, err := listen(s)
	if err != nil {
		return fmt.Errorf("echo: %s: %w", s.Name, err)
	}
	ready := Ready{Port: srv.port}
	if s.Probe != "" {
		if ready.HTTP, ready.UDP, err = startNeighbours(); err != nil {
			return fmt.Errorf("echo: %s: %w", s.Probe, err)
		}
	}
	out := json.NewEncoder(w)
	if err := out.Encode(ready); err != nil {
		return err
	}
	ended := make(chan error, len(srv.loops)+1)
	for _, loop := range srv.loops {
		go func() { ended <- loop() }()
	}
	go func() {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			if err := srv.respond(out, lines.Text(), s.Probe, ready); err != nil {
				ended <- err
				return
			}
		}
		ended <- lines.Err()
	}()
	return <-ended
}

// respond writes what a line asks for.
func (srv *server) respond(out *json.Encoder, line, probe string, ready Ready) error {
	if line == "" {
		return out.Encode(srv.read())
	}
	d, err := time.ParseDuration(line)
	if err != nil {
		return err
	}
	times, err := Probe(probe, ready, d)
	return errors.Join(err, out.Encode(times))
}

func (srv *server) read() (st Stats) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	st.Mallocs, st.Bytes = m.Mallocs, m.TotalAlloc
	if srv.stats != nil {
		srv.stats(&st)
	}
	return st
}
