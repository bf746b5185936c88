//go:build linux || darwin || freebsd || netbsd || openbsd || windows

package pktinfo

import "fmt"

func errFamily(f Family) error {
	return fmt.Errorf("packet information: %d is none of the socket families IPv4, IPv6, Dual", uint8(f))
}

func errNotInternet(family any) error {
	return fmt.Errorf("packet information needs an IPv4 or IPv6 socket, this one is of address family %v", family)
}
