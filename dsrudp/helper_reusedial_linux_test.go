package dsrudp_test

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func reuseDial(t *testing.T, a, b netip.AddrPort) (*net.UDPConn, *net.UDPConn) {
	t.Helper()
	control := func(_, _ string, rc syscall.RawConn) error {
		var err error
		rc.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
		})
		return err
	}
	client := netip.MustParseAddr("127.0.0.1")
	if a.Addr().Is6() {
		client = netip.MustParseAddr("::1")
	}
	laddr := &net.UDPAddr{IP: client.AsSlice()}
	dial := func(to netip.AddrPort) *net.UDPConn {
		d := net.Dialer{LocalAddr: laddr, Control: control}
		c, err := d.DialContext(context.Background(), "udp", to.String())
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return c.(*net.UDPConn)
	}
	x := dial(a)
	laddr = x.LocalAddr().(*net.UDPAddr)
	return x, dial(b)
}
