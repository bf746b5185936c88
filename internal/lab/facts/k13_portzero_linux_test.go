package facts_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// With SO_REUSEPORT and port 0 the kernel may choose the port of another socket
// of the same user, and the two then share its datagrams. Here it has one port
// to choose from, which leaves nothing to chance: who is not to share it, gets
// none.
func TestK13_PortZero(t *testing.T) {
	const port = 40000
	server := labtest.NewHost(t, "server")
	require.NoError(t, server.Sysctl("net.ipv4.ip_local_port_range", fmt.Sprintf("%d %d", port, port)))
	for _, network := range []string{"udp4", "udp6", "udp"} {
		t.Run("bare/"+network, func(t *testing.T) {
			lc := net.ListenConfig{Control: bareControl(bareReuse)}
			require.NoError(t, server.Do(func() error {
				for range 2 {
					c, err := lc.ListenPacket(t.Context(), network, ":0")
					if err != nil {
						return err
					}
					require.EqualValues(t, port, siteAddr(siteConn(t, c).LocalAddr()).Port())
				}
				return nil
			}))
		})
		t.Run("dsrudp/"+network, func(t *testing.T) {
			lc := dsrudp.ListenConfig{ReusePort: true}
			for _, n := range []int{1, 3} {
				cs, err := k13ListenN(t, server.Do, &lc, network, n)
				require.NoError(t, err)
				for _, c := range cs {
					require.EqualValues(t, port, siteAddr(c.LocalAddr()).Port())
					require.NotZero(t, bareValue(t, c, unix.SOL_SOCKET, unix.SO_REUSEPORT))
				}
				for _, n := range []int{1, 3} {
					_, err = k13ListenN(t, server.Do, &lc, network, n)
					require.ErrorIs(t, err, unix.EADDRINUSE)
				}
				for _, c := range cs {
					require.NoError(t, c.Close())
				}
			}
		})
	}
}

// k13ListenN listens with n sockets at a port of their own.
func k13ListenN(t *testing.T, do func(func() error) error, lc *dsrudp.ListenConfig, network string, n int) (cs []*dsrudp.Conn, err error) {
	t.Helper()
	err = do(func() error {
		if n == 1 {
			c, err := lc.ListenPacket(t.Context(), network, ":0")
			if err == nil {
				cs = append(cs, siteConn(t, c))
			}
			return err
		}
		cs, err = lc.ListenN(t.Context(), network, ":0", n)
		for _, c := range cs {
			siteConn(t, c)
		}
		return err
	})
	return cs, err
}
