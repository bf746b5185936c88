//go:build linux

package main

import (
	"net/netip"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A family is one of the two versions of IP, and knows a lab's addresses in it.
type family string

const (
	ipv4 family = "ipv4"
	ipv6 family = "ipv6"
)

func (f family) vips(l *lab.Lab) []netip.Addr {
	if f == ipv6 {
		return l.VIPs6
	}
	return l.VIPs4
}

func (f family) client(l *lab.Lab) netip.Addr {
	if f == ipv6 {
		return l.Client6
	}
	return l.Client4
}

// own returns the backend's own address.
func (f family) own(b *lab.Backend) netip.Addr {
	if f == ipv6 {
		return b.Internal6
	}
	return b.Internal4
}

// ownOutside returns what the backend's own address is on the internet.
func (f family) ownOutside(b *lab.Backend) netip.Addr {
	if f == ipv6 {
		return b.Internal6 // not translated
	}
	return b.External4
}
