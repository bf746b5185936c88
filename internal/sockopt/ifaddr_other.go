//go:build !linux

package sockopt

import "net/netip"

// InterfaceAddr is Linux's alone: elsewhere no control message tells an address
// that could be another interface's.
func InterfaceAddr(uintptr, string, netip.Addr) (netip.Addr, bool) { return netip.Addr{}, false }
