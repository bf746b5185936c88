//go:build linux

package compare

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// knowledge is what a program knew of requests.
type knowledge struct {
	asked    int // requests
	requests int // of them those that it answered
	vips     int // of those, the ones whose destination it named
	ports    int // and the ones whose client's port it named

	locals  []string // other destinations that it named
	remotes []string // other ports
}

// learn reads what a program knew from its answers, also those that the client
// rejected.
func learn(rs []*request, packets []lab.Packet) (knowledge, error) {
	k := knowledge{asked: len(rs)}
	for _, r := range rs {
		answer := append([]byte(echo.Prefix), r.payload...)
		i := slices.IndexFunc(packets, func(p lab.Packet) bool {
			return p.Kind == lab.UDP && !p.Outgoing && p.Dst == r.from && bytes.HasPrefix(p.Payload, append(answer, echo.Told...))
		})
		if i < 0 {
			continue
		}
		local, remote, err := echo.Saw(packets[i].Payload)
		if err != nil {
			return k, err
		}
		k.requests++
		if local.Addr() == r.to.Addr() {
			k.vips++
		} else {
			k.locals = append(k.locals, local.Addr().String())
		}
		if remote == r.from {
			k.ports++
		} else {
			k.remotes = append(k.remotes, fmt.Sprintf("%d as %d", r.from.Port(), remote.Port()))
		}
	}
	return k, nil
}

func (k *knowledge) add(other knowledge) {
	k.asked += other.asked
	k.requests += other.requests
	k.vips += other.vips
	k.ports += other.ports
	k.locals = append(k.locals, other.locals...)
	k.remotes = append(k.remotes, other.remotes...)
}

// complete says whether the program knew everything of all requests.
func (k knowledge) complete() bool {
	return k.requests == k.asked && k.vips == k.asked && k.ports == k.asked
}

func (k knowledge) String() string {
	return fmt.Sprintf("it saw %s, and %s", k.vipsSeen(), k.portsSeen())
}

func (k knowledge) vipsSeen() string {
	says := fmt.Sprintf("the VIP of %d of %d", k.vips, k.asked)
	if len(k.locals) == 0 {
		return says
	}
	slices.Sort(k.locals)
	where := strings.Join(slices.Compact(slices.Clone(k.locals)), ", ")
	if where == "::" || where == "0.0.0.0" {
		where = "the wildcard address alone"
	}
	return fmt.Sprintf("%s (it saw %s)", says, where)
}

func (k knowledge) portsSeen() string {
	says := fmt.Sprintf("the client's own port of %d", k.ports)
	if len(k.remotes) == 0 {
		return says
	}
	return fmt.Sprintf("%s, another one of %d (%s)", says, len(k.remotes), k.remotes[0])
}
