//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/examples/lab/ask"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// wildcard is what both servers listen on.
var wildcard = &net.UDPAddr{Port: echo.Port}

// A server is one way to listen, and what is to become of its answers.
type server struct {
	name   string
	want   ask.Outcome
	listen func() (net.PacketConn, error)
}

// servers are the two under test. One call is all they differ in.
var servers = []server{
	{"net", ask.Rejected, func() (net.PacketConn, error) { return net.ListenUDP("udp", wildcard) }},
	{"dsrudp", ask.Accepted, func() (net.PacketConn, error) { return dsrudp.ListenUDP("udp", wildcard) }},
}

// demonstration runs every server in every lab asked for, and returns the exit code.
func demonstration(ctx context.Context, o options, servers []server, stdout, stderr io.Writer) int {
	logger := log.New(stderr, "", 0)
	p := report{w: stdout, options: o}
	if o.json {
		p.w = io.Discard
	}
	var runs []*run
	var faults []string
	err := func() error {
		for _, s := range servers {
			for i, b := range o.balancers {
				done, err := runLab(ctx, o, s, b, logger)
				if i == 0 && len(done) > 0 {
					p.server(done[0])
				}
				for _, r := range done {
					faults = append(faults, r.faults()...)
				}
				if runs = append(runs, done...); err != nil {
					return err
				}
			}
		}
		return nil
	}()
	if err != nil {
		logger.Print(err)
	}
	ok := err == nil && len(faults) == 0
	p.table(runs)
	if err == nil {
		p.verdict(servers, runs, faults)
	}
	if o.json {
		for _, f := range faults {
			logger.Print(f)
		}
		if err := printJSON(stdout, ok, runs); err != nil {
			logger.Print(err)
			return 1
		}
	}
	if !ok {
		return 1
	}
	return 0
}

// A run is one server behind one balancer, asked in one family.
type run struct {
	server   server
	balancer lab.Balancer
	family   family
	lab      *lab.Lab // closed, but its addresses remain
	requests []*ask.Request

	atClient   []lab.Packet           // what crossed the interface of the client
	atBackends [][]lab.Packet         // and of each backend
	traces     map[*ask.Request]trace // what of it belongs to a request
}

// A trace is what the captures of a run show of one request.
type trace struct {
	client  []lab.Packet // the request, its answers, and the client's refusal of them
	backend int          // the number of the backend that got the request, or -1
	server  []lab.Packet // the request and its answers at this backend
}

// runLab builds a lab and runs the server in it, once for each family. It returns
// the runs that were completed, also when there is an error. Each server gets labs
// of its own, so that none meets what another left behind.
func runLab(ctx context.Context, o options, s server, b lab.Balancer, logger *log.Logger) (runs []*run, err error) {
	l, err := lab.New(lab.Options{Balancer: b, VIPs: o.vips})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, f := range o.families {
		r := &run{server: s, balancer: b, family: f, lab: l}
		if err := r.do(ctx, o, logger); err != nil {
			return runs, fmt.Errorf("%v: %w", r, err)
		}
		if err := r.writePCAP(o.pcap); err != nil {
			return runs, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

func (r *run) String() string { return fmt.Sprintf("%s, %s, %s", r.server.name, r.balancer, r.family) }

// do lets the client ask the server, and keeps what the captures saw.
func (r *run) do(ctx context.Context, o options, logger *log.Logger) error {
	hosts := []*lab.Host{r.lab.Client}
	for _, b := range r.lab.Backends {
		hosts = append(hosts, b.Host)
	}
	var wires []*lab.Capture
	var err error
	for _, h := range hosts {
		c, captureErr := h.Capture("eth0")
		if err = errors.Join(err, captureErr); captureErr == nil {
			wires = append(wires, c)
		}
	}
	if err == nil {
		r.requests = r.newRequests(wires[0], o.count)
		err = r.ask(ctx, o.bound, logger)
	}
	var packets [][]lab.Packet
	for _, c := range wires {
		ps, stopErr := c.Stop()
		packets, err = append(packets, ps), errors.Join(err, stopErr)
	}
	if err == nil {
		r.atClient, r.atBackends = packets[0], packets[1:]
		r.traceAll()
	}
	return err
}

// newRequests returns count requests to each VIP. The first to each are from one
// port, the second from another, and so on: a server cannot tell by the client's
// address which VIP an answer must come from.
func (r *run) newRequests(wire *lab.Capture, count int) (rs []*ask.Request) {
	client := of(r.family, r.lab.Client4, r.lab.Client6)
	for i := range count {
		for _, vip := range of(r.family, r.lab.VIPs4, r.lab.VIPs6) {
			rs = append(rs, &ask.Request{
				Host: r.lab.Client, Wire: wire,
				From:    netip.AddrPortFrom(client, ask.FirstPort+uint16(i)),
				To:      netip.AddrPortFrom(vip, echo.Port),
				Payload: fmt.Appendf(nil, "request %d to %v", i+1, vip),
			})
		}
	}
	return rs
}

// atOnce is the number of requests on their way at the same time, at most. The
// queues they cross, those of captures above all, hold a few hundred packets.
const atOnce = 32

// ask runs the server on all backends and asks it, in batches that keep those from
// one port together if they can.
func (r *run) ask(ctx context.Context, bound time.Duration, logger *log.Logger) error {
	stop, err := r.server.start(r.lab.Backends, logger)
	if err != nil {
		return err
	}
	size := atOnce
	if vips := len(of(r.family, r.lab.VIPs4, r.lab.VIPs6)); vips < size {
		size -= size % vips
	}
	for some := range slices.Chunk(r.requests, size) {
		if err = ask.All(ctx, bound, some...); err != nil {
			break
		}
	}
	return errors.Join(err, stop())
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
		running.Go(func() { echo.Serve(conn, echo.Answer, func(err error) { logger.Print(err) }) })
	}
	return stop, nil
}

// of returns what is a family's of two values.
func of[T any](f family, v4, v6 T) T {
	if f == ipv6 {
		return v6
	}
	return v4
}

// traceAll finds the traces of all requests in what was captured.
func (r *run) traceAll() {
	atClient := byPort(r.atClient)
	var atBackends []map[netip.AddrPort][]lab.Packet
	for _, packets := range r.atBackends {
		atBackends = append(atBackends, byPort(packets))
	}
	r.traces = make(map[*ask.Request]trace)
	for _, q := range r.requests {
		ofRequest := func(p lab.Packet) bool { return asked(q, p) || q.IsAnswer(p) || q.IsObjection(p) }
		t := trace{backend: -1, client: only(atClient[q.From], ofRequest)}
		for i, at := range atBackends {
			if slices.ContainsFunc(at[q.From], func(p lab.Packet) bool { return asked(q, p) }) {
				t.backend, t.server = i, only(at[q.From], ofRequest)
				break
			}
		}
		r.traces[q] = t
	}
}

// asked returns whether a packet is the request, on its way to the address asked.
func asked(q *ask.Request, p lab.Packet) bool { return q.IsRequest(p) && p.Dst == q.To }

func only(packets []lab.Packet, wanted func(lab.Packet) bool) (some []lab.Packet) {
	for _, p := range packets {
		if wanted(p) {
			some = append(some, p)
		}
	}
	return some
}

// byPort sorts packets by the addresses that are in them: there may be many.
func byPort(packets []lab.Packet) map[netip.AddrPort][]lab.Packet {
	sorted := make(map[netip.AddrPort][]lab.Packet)
	for _, p := range packets {
		for _, a := range []netip.AddrPort{p.Src, p.Dst, p.Inner.Dst} {
			if a.Port() != 0 {
				sorted[a] = append(sorted[a], p)
			}
		}
	}
	return sorted
}

// writePCAP writes what was captured in the run to one file for each host, such
// as dir/net-ecmp-ipv4-client.pcap.
func (r *run) writePCAP(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for i, packets := range append([][]lab.Packet{r.atClient}, r.atBackends...) {
		host := "client"
		if i > 0 {
			host = r.lab.Backends[i-1].Name
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s-%s-%s-%s.pcap", r.server.name, r.balancer, r.family, host)))
		if err != nil {
			return err
		}
		if err := errors.Join(lab.WritePCAP(f, packets), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
