//go:build linux && !race

package dsrudp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPromise8_Allocations: an echo through each pair of methods allocates what is
// promised: one address object where one is returned, else nothing.
func TestPromise8_Allocations(t *testing.T) {
	returned := map[string]float64{"ReadFrom": 1, "ReadFromUDP": 1, "ReadMsgUDP": 1}
	b := make([]byte, 64)
	sockets := append(wildcards[:len(wildcards):len(wildcards)],
		struct{ network, address string }{"udp4", "127.0.0.2:0"},
		struct{ network, address string }{"udp6", "[::]:0"})
	for _, w := range sockets {
		for name, p := range pairs {
			t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
				c := listen(t, w.network, w.address)
				vip := vips[0]
				if w.network == "udp6" {
					vip = netip.IPv6Loopback()
				}
				x, answer := dialVIP(t, c, vip), make([]byte, 64)
				for _, deadlines := range []bool{false, true} {
					require.Equal(t, returned[name], testing.AllocsPerRun(200, func() {
						if deadlines {
							c.SetDeadline(time.Now().Add(patience))
						}
						if _, err := x.Write([]byte("1")); err != nil {
							t.Fatal(err)
						}
						if err := p.echo(c, b); err != nil {
							t.Fatal(err)
						}
						if _, err := x.Read(answer); err != nil {
							t.Fatal(err)
						}
					}), "deadlines: %v", deadlines)
				}
			})
		}
	}
}
