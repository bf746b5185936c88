//go:build linux

// Package plan says what is measured: the servers, the scenarios that put them
// side by side, and the floors and targets that their ratios are held to.
package plan

import (
	"strings"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/echo"
)

// A Server is one that is compared.
type Server struct {
	Name string
	// C has the arguments of a server in C, and Go says which one in Go it is.
	C  []string
	Go echo.Spec
	// Wrong says that it answers from the address that the kernel chooses, or
	// at times does. That is why it is no alternative to this project, and
	// still the baseline of what things cost.
	Wrong bool
}

// Servers returns all that are compared.
func Servers() []Server {
	s := []Server{
		{Name: "C recvfrom", C: []string{"recvfrom"}, Wrong: true},
		{Name: "C recvmsg no pktinfo", C: []string{"recvmsg"}, Wrong: true},
		{Name: "C recvmsg", C: []string{"recvmsg", "pktinfo"}},
		{Name: "C recvmsg epoll", C: []string{"recvmsg", "pktinfo", "epoll"}},
		{Name: "C recvmmsg no pktinfo", C: []string{"recvmmsg"}, Wrong: true},
		{Name: C, C: []string{"recvmmsg", "pktinfo"}},
		{Name: "C recvmmsg epoll", C: []string{"recvmmsg", "pktinfo", "epoll"}},
		{Name: CGroup, C: []string{"group", "pktinfo"}},
		{Name: CGRO, C: []string{"gro", "pktinfo", "batch=16"}},
	}
	for _, name := range echo.Names() {
		s = append(s, Server{Name: name, Go: echo.Spec{Name: name}, Wrong: wrong[name]})
	}
	return append(s,
		Server{Name: ungrouped, Go: echo.Spec{Name: server, NoOffload: true}},
		Server{Name: plain, Go: echo.Spec{Name: server, PlainSyscalls: true}},
	)
}

// wrong has the servers in Go that do not answer from where they were asked, or
// not all datagrams of a train.
var wrong = map[string]bool{A: true, netFrom: true, netFromUDP: true, wireguard: true}

// Ours reports whether it is this project's.
func (s Server) Ours() bool { return strings.HasPrefix(s.Name, "dsrudp ") }
