//go:build !linux

package mmsg

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// What follows is Linux's alone, or not known of other systems.

// HasClass is whether a datagram can be sent with a class of its own.
const HasClass = false

// SetFreeBind returns an error that matches errors.ErrUnsupported.
func SetFreeBind(uintptr) error { return unsupported("binding to an address that is not local") }

// SetGRO returns an error that matches errors.ErrUnsupported.
func SetGRO(uintptr) error { return unsupported("receiving joined datagrams") }

// SetReceiveClass returns an error that matches errors.ErrUnsupported.
func SetReceiveClass(uintptr, bool, bool) error { return unsupported("ECN") }

func unsupported(what string) error { return fmt.Errorf("%s: %w", what, errors.ErrUnsupported) }

// HasGRO is false.
func HasGRO(uintptr) bool { return false }

// Class is 0.
func Class(uintptr, bool) uint8 { return 0 }

// Segments is false.
func Segments(uintptr) bool { return false }

// Unguarded is false: the system validates sources.
func Unguarded(uintptr) (ipv4, ipv6 bool) { return false, false }

// Queue is false.
func Queue(uintptr) (bytes, drops uint32, ok bool) { return 0, 0, false }

// BufferSizes is false.
func BufferSizes(uintptr) (read, write int, ok bool) { return 0, 0, false }

// InterfaceAddr is false: no control message has an address that could be another
// interface's.
func InterfaceAddr(uintptr, string, netip.Addr) (netip.Addr, bool) { return netip.Addr{}, false }

// InterfaceName returns the name of the interface with an index.
func InterfaceName(_ uintptr, ifindex uint32) (string, bool) {
	ifi, err := net.InterfaceByIndex(int(ifindex))
	if err != nil {
		return "", false
	}
	return ifi.Name, true
}

// InterfaceIndex returns the index of the interface with a name.
func InterfaceIndex(_ uintptr, name string) (uint32, bool) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return 0, false
	}
	return uint32(ifi.Index), true
}
