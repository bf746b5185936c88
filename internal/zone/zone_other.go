//go:build !linux

package zone

import (
	"net"
	"syscall"
)

func interfaceName(_ syscall.RawConn, index uint32) (name string, ok bool) {
	ifi, err := net.InterfaceByIndex(int(index))
	if err != nil {
		return "", false
	}
	return ifi.Name, true
}

func interfaceIndex(_ syscall.RawConn, name string) (index uint32, ok bool) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return 0, false
	}
	return uint32(ifi.Index), true
}
