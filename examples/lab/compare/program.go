//go:build linux

package compare

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/bound"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/bounddsrudp"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/boundone"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/boundonedsrudp"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/dropin"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/naive"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/pktinfo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A program is the echo server of a repair.
type program struct {
	name   string // of its directory in programs
	listen func(vips []netip.Addr) ([]net.PacketConn, error)
	answer func(c net.PacketConn, b []byte) error
	tell   func(c net.PacketConn, b []byte) error // answer, with what the program knows of the request
	single *program                               // a simpler one that serves one VIP alone, if there is
	ipv6   *program                               // the one for IPv6, if it is another
}

var (
	naiveProgram   = program{name: "naive", listen: naive.Listen, answer: naive.Answer, tell: naive.Tell}
	boundOne       = program{name: "boundone", listen: boundone.Listen, answer: boundone.Answer, tell: boundone.Tell}
	boundOneDSRUDP = program{name: "boundonedsrudp", listen: boundonedsrudp.Listen, answer: boundonedsrudp.Answer, tell: boundonedsrudp.Tell}
	boundProgram   = program{name: "bound", listen: bound.Listen, answer: bound.Answer, tell: bound.Tell, single: &boundOne}
	boundDSRUDP    = program{name: "bounddsrudp", listen: bounddsrudp.Listen, answer: bounddsrudp.Answer, tell: bounddsrudp.Tell, single: &boundOneDSRUDP}
	pktinfo6       = program{name: "pktinfo", listen: pktinfo.Listen6, answer: pktinfo.Answer}
	pktinfoProgram = program{name: "pktinfo", listen: pktinfo.Listen, answer: pktinfo.Answer, tell: pktinfo.Tell, ipv6: &pktinfo6}
	dropinProgram  = program{name: "dropin", listen: dropin.Listen, answer: dropin.Answer, tell: dropin.Tell}
)

// A listenError says that a program could not listen, which is a finding and no
// fault of the comparison.
type listenError struct{ err error }

func (e *listenError) Error() string { return fmt.Sprintf("the program cannot listen: %v", e.err) }
func (e *listenError) Unwrap() error { return e.err }

// open opens the program's sockets on a host.
func (p program) open(h *lab.Host, vips []netip.Addr) ([]net.PacketConn, error) {
	var conns []net.PacketConn
	err := h.Do(func() (err error) {
		conns, err = p.listen(vips)
		return err
	})
	if err != nil {
		closeAll(conns)
		return nil, &listenError{err}
	}
	return conns, nil
}

func closeAll(conns []net.PacketConn) {
	for _, c := range conns {
		c.Close()
	}
}

// A server is a program that runs.
type server struct {
	conns   []net.PacketConn
	running sync.WaitGroup
	sent    atomic.Int64 // answers, by its own account

	mu     sync.Mutex
	failed error // the last
}

func (p program) start(h *lab.Host, vips []netip.Addr) (*server, error) {
	conns, err := p.open(h, vips)
	if err != nil {
		return nil, err
	}
	s := &server{conns: conns}
	for _, c := range conns {
		s.running.Go(func() { echo.Serve(c, s.counted(p.answer), s.note) })
	}
	return s, nil
}

// counted is a program's answer that counts what it sends.
func (s *server) counted(answer func(net.PacketConn, []byte) error) func(net.PacketConn, []byte) error {
	return func(c net.PacketConn, b []byte) error {
		err := answer(c, b)
		if err == nil {
			s.sent.Add(1)
		}
		return err
	}
}

func (s *server) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
}

// err returns the last error that the program met while it served. It explains
// and decides nothing.
func (s *server) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *server) stop() {
	closeAll(s.conns)
	s.running.Wait()
}
