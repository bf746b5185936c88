package dsrudp_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// askAll has clients ask c, by two VIPs in turn, all at once and each so many
// times in a row. Each must get the answers to its own.
func askAll(t *testing.T, c *dsrudp.Conn, clients, rounds int) {
	t.Helper()
	var asking sync.WaitGroup
	for i := range clients {
		x := dialVIP(t, c, vips[i%2])
		asking.Go(func() {
			b := make([]byte, 64)
			for r := range rounds {
				q := fmt.Sprint(i, "/", r)
				if _, err := x.Write([]byte(q)); err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				n, err := x.Read(b)
				if err != nil || string(b[:n]) != q {
					t.Errorf("client %d asked %q, was answered %q, %v", i, q, b[:n], err)
					return
				}
			}
		})
	}
	asking.Wait()
}
