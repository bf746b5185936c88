//go:build linux

package compare

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// atWork is by what answers can leave from the VIP, repair by repair: what the
// program's sockets are, and whether the kernel tracks connections. A right answer
// of a plain socket on the wildcard address is the kernel's doing: of DNAT if it
// keeps a connection for it, of mangling if it keeps none.
var atWork = map[string]struct {
	sockets string
	tracked bool
}{
	None:         {plain + ", " + wildcard, false},
	DNATIPTables: {plain + ", " + wildcard, true},
	DNATNFT:      {plain + ", " + wildcard, true},
	Mangle:       {plain + ", " + wildcard, false},
	Bind:         {plain + ", " + addressed, false},
	BindDSRUDP:   {library + ", " + addressed, false},
	Pktinfo:      {asking + ", " + wildcard, false},
	DSRUDP:       {library + ", " + wildcard, false},
}

// What work says of sockets, and of the host.
const (
	plain     = "sockets of net"
	asking    = "sockets of net that ask for control data"
	library   = "sockets of dsrudp"
	wildcard  = "on the wildcard address"
	addressed = "bound to an address"

	someTracked = "connections tracked"
	noneTracked = "no connection tracked"
	allTracked  = "the firewall tracks" // whatever the repair
)

// work says what is at work for programs' answers on some hosts. It counts before
// they are closed.
func work(conns []net.PacketConn, hosts ...*lab.Host) (string, error) {
	n := 0
	for _, h := range hosts {
		k, err := tracked(h)
		if err != nil {
			return "", err
		}
		n += k
	}
	s, err := sockets(conns)
	if n > 0 {
		return s + "; " + someTracked, err
	}
	return s + "; " + noneTracked, err
}

// sockets says what sockets are, once if they are all alike.
func sockets(conns []net.PacketConn) (string, error) {
	var kinds []string
	for _, c := range conns {
		kind := ""
		switch c := c.(type) {
		case *dsrudp.Conn:
			kind = library
		case *net.UDPConn:
			asks, err := asksForControl(c)
			if err != nil {
				return "", err
			}
			if kind = plain; asks {
				kind = asking
			}
		default:
			kind = fmt.Sprintf("%T", c)
		}
		if a := c.LocalAddr().(*net.UDPAddr); a.IP.IsUnspecified() {
			kind += ", " + wildcard
		} else {
			kind += ", " + addressed
		}
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return strings.Join(slices.Compact(kinds), " and "), nil
}

// asksForControl says whether a socket has the kernel tell where datagrams were
// sent to.
func asksForControl(c *net.UDPConn) (asks bool, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return false, err
	}
	e := raw.Control(func(fd uintptr) {
		for _, o := range [][2]int{{syscall.IPPROTO_IP, syscall.IP_PKTINFO}, {syscall.IPPROTO_IPV6, syscall.IPV6_RECVPKTINFO}} {
			v, optErr := syscall.GetsockoptInt(int(fd), o[0], o[1])
			if optErr == syscall.EOPNOTSUPP || optErr == syscall.ENOPROTOOPT {
				continue // a socket of IPv4 has no options of IPv6
			}
			asks, err = asks || v != 0, errors.Join(err, optErr)
		}
	})
	return asks, errors.Join(e, err)
}

// idle says of a finding that it does not show the repair at work, or nothing if
// it does. A finding that is met has to; a program that cannot listen is none.
func idle(r Repair, q Question, f finding) string {
	want := atWork[r.ID].sockets
	states := []string{want + "; " + allTracked, want + "; " + noneTracked}
	if atWork[r.ID].tracked {
		states[1] = want + "; " + someTracked
	}
	if f.verdict == Met && len(f.work) == 0 && !q.reads {
		return "it was not seen whether the repair was at work"
	}
	for _, w := range f.work {
		if !slices.Contains(states, w) {
			return fmt.Sprintf("another repair was at work: %q, and it has to be %q", w, states[1])
		}
	}
	return ""
}
