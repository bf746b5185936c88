//go:build !linux

package dsrudp_test

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
)

func reuseDial(t *testing.T, a, b netip.AddrPort) (*net.UDPConn, *net.UDPConn) {
	t.Helper()
	t.Skipf("%s has one loopback address by default, %v and %v are two others", runtime.GOOS, a.Addr(), b.Addr())
	return nil, nil
}
