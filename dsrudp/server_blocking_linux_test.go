package dsrudp_test

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestServerBlockingDescription is TestBlockingDescription for idle Servers, whose
// deadlines and Close and Shutdown also work then.
func TestServerBlockingDescription(t *testing.T) {
	if !apart(t, "something waits for a Server's reader of an idle Conn") {
		return
	}

	for name, tc := range map[string]struct {
		end  func(s *dsrudp.Server, c *dsrudp.Conn) error
		want error
	}{
		"Close":    {func(_ *dsrudp.Server, c *dsrudp.Conn) error { return c.Close() }, net.ErrClosed},
		"deadline": {func(_ *dsrudp.Server, c *dsrudp.Conn) error { return c.SetReadDeadline(past) }, os.ErrDeadlineExceeded},
		"Shutdown": {func(s *dsrudp.Server, _ *dsrudp.Conn) error { return s.Shutdown(t.Context()) }, dsrudp.ErrServerClosed},
	} {
		t.Run(name, func(t *testing.T) {
			c := listen(t, "udp", ":0")
			require.NoError(t, c.SetDeadline(time.Time{}))
			f, err := c.File()
			require.NoError(t, err)
			defer f.Close()
			f.Fd()
			s := &dsrudp.Server{Handler: echoing(t)}
			v := serve(t, s, c)
			x := dialVIP(t, c, netip.IPv6Loopback())
			begun(t, x)
			for range 20 { // the reader may not be waiting yet at the first of these
				runtime.GC()
			}
			begun(t, x)
			require.NoError(t, tc.end(s, c))
			require.ErrorIs(t, v.wait(t), tc.want)
		})
	}
}
