//go:build linux

package plan

import (
	"fmt"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
)

// A variant is how a server is run that more than one entry is about.
type variant struct {
	name    string // behind the server's in the label
	network string // "udp4" if empty
	sockets int
	garbage bool // collect it all the time
	load    load.Load
}

// entries returns an entry for each server in each variant, variants of one
// server together.
func entries(servers []string, variants ...variant) []Entry {
	var es []Entry
	for _, name := range servers {
		for _, v := range variants {
			es = append(es, v.entry(name))
		}
	}
	return es
}

func (v variant) entry(name string) Entry {
	srv, err := serverOf(name)
	if err != nil {
		panic(err) // a mistake in this package, which its tests find
	}
	if srv.C != nil {
		srv.C = append(srv.C[:len(srv.C):len(srv.C)], v.args()...)
	} else {
		srv.Go.Network, srv.Go.Sockets, srv.Go.CollectGarbage = "udp4", v.sockets, v.garbage
		if v.network != "" {
			srv.Go.Network = v.network
		}
	}
	return Entry{label(name, v.name), srv, v.load}
}

// args are the arguments of a server in C for what is asked of one in Go.
func (v variant) args() (args []string) {
	switch v.network {
	case "udp":
		args = append(args, "dual")
	case "udp6":
		args = append(args, "ipv6")
	}
	if v.sockets > 1 {
		args = append(args, fmt.Sprintf("sockets=%d", v.sockets))
	}
	return args
}

// label names an entry.
func label(server, variant string) string {
	if variant == "" {
		return server
	}
	return server + ", " + variant
}

// serverOf returns the server of a name.
func serverOf(name string) (Server, error) {
	for _, s := range Servers() {
		if s.Name == name {
			return s, nil
		}
	}
	return Server{}, fmt.Errorf("plan: no server is called %q", name)
}
