//go:build linux

package compare

import (
	"embed"
	"fmt"
	"net"
	"net/netip"
	"path"
	"sync"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/bound"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/bounddsrudp"
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
	single string // the name of a simpler one that is enough for one VIP, if there is
}

var (
	naiveProgram   = program{name: "naive", listen: naive.Listen, answer: naive.Answer}
	boundProgram   = program{name: "bound", listen: bound.Listen, answer: bound.Answer, single: "boundone"}
	boundDSRUDP    = program{name: "bounddsrudp", listen: bounddsrudp.Listen, answer: bounddsrudp.Answer, single: "boundone"}
	pktinfoProgram = program{name: "pktinfo", listen: pktinfo.Listen, answer: pktinfo.Answer}
	dropinProgram  = program{name: "dropin", listen: dropin.Listen, answer: dropin.Answer}
)

// sources are the programs' texts, to count by how much they differ.
//
//go:embed programs
var sources embed.FS

func (p program) source() (string, error) {
	dir := path.Join("programs", p.name)
	files, err := sources.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(files) != 1 {
		return "", fmt.Errorf("compare: %s has %d files, not one", dir, len(files))
	}
	b, err := sources.ReadFile(path.Join(dir, files[0].Name()))
	return string(b), err
}

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
		s.running.Go(func() { echo.Serve(c, p.answer, s.note) })
	}
	return s, nil
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
