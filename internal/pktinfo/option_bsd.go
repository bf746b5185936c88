//go:build freebsd || netbsd || openbsd

package pktinfo

import (
	"errors"
	"fmt"
	"math/bits"
	"runtime"

	"golang.org/x/sys/unix"
)

var native = bsdLayout(bsdAlign(runtime.GOOS, runtime.GOARCH, bits.UintSize/8))

// An index out of range here means that layout.go has another number than the
// system's headers.
var (
	_ = [1]struct{}{}[bsd4-unix.IP_RECVDSTADDR]
	_ = [1]struct{}{}[bsd6-unix.IPV6_PKTINFO]
)

// See ip(4).
var option4 = option{"IP_RECVDSTADDR", unix.IPPROTO_IP, unix.IP_RECVDSTADDR}

// needs: on FreeBSD's AF_INET6 sockets IPV6_PKTINFO has the destination of IPv4 datagrams
// in IPv4-mapped form (ip6_savecontrol_v4), and IP_SENDSRCADDR chooses their source.
// OpenBSD has no dual-stack sockets. NetBSD has, but chooses the source of their IPv4
// datagrams itself, whatever control data says (udp6_output).
func needs(f Family) (Messages, error) {
	if f == Dual && runtime.GOOS != "freebsd" {
		return Messages{}, fmt.Errorf("%s cannot choose the source of IPv4 datagrams on a dual-stack socket: %w",
			runtime.GOOS, errors.ErrUnsupported)
	}
	return Messages{f == IPv4, f != IPv4}, nil
}
