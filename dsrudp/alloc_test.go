//go:build linux && !race

package dsrudp_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestAllocations: an echo through each pair of methods allocates what is
// promised: one address object where one is returned, else nothing.
func TestAllocations(t *testing.T) {
	b, oob := make([]byte, 64), make([]byte, 128)
	pairs := map[string]struct {
		want float64
		echo func(c *dsrudp.Conn) error
	}{
		"ReadFromPath": {0, func(c *dsrudp.Conn) error {
			n, p, err := c.ReadFromPath(b)
			if err == nil {
				_, err = c.WriteToPath(b[:n], p)
			}
			return err
		}},
		"AddrPort": {0, func(c *dsrudp.Conn) error {
			n, a, err := c.ReadFromUDPAddrPort(b)
			if err == nil {
				_, err = c.WriteToUDPAddrPort(b[:n], a)
			}
			return err
		}},
		"ReadMsgUDPAddrPort": {0, func(c *dsrudp.Conn) error {
			n, oobn, _, a, err := c.ReadMsgUDPAddrPort(b, oob)
			if err == nil {
				_, _, err = c.WriteMsgUDPAddrPort(b[:n], oob[:oobn], a)
			}
			return err
		}},
		"ReadFrom": {1, func(c *dsrudp.Conn) error {
			n, a, err := c.ReadFrom(b)
			if err == nil {
				_, err = c.WriteTo(b[:n], a)
			}
			return err
		}},
		"ReadFromUDP": {1, func(c *dsrudp.Conn) error {
			n, a, err := c.ReadFromUDP(b)
			if err == nil {
				_, err = c.WriteToUDP(b[:n], a)
			}
			return err
		}},
		"ReadMsgUDP": {1, func(c *dsrudp.Conn) error {
			n, _, _, a, err := c.ReadMsgUDP(b, nil)
			if err == nil {
				_, _, err = c.WriteMsgUDP(b[:n], nil, a)
			}
			return err
		}},
		"PathOf": {1, func(c *dsrudp.Conn) error {
			n, a, err := c.ReadFrom(b)
			if err == nil {
				p, _ := dsrudp.PathOf(a)
				_, err = c.WriteToPath(b[:n], p)
			}
			return err
		}},
	}
	sockets := append(wildcards[:len(wildcards):len(wildcards)],
		struct{ network, address string }{"udp4", "127.0.0.2:0"},
		struct{ network, address string }{"udp6", "[::]:0"})
	for _, w := range sockets {
		for name, p := range pairs {
			measure := func(t *testing.T, before func(c *dsrudp.Conn) error) {
				c := listen(t, w.network, w.address)
				vip := vips[0]
				if w.network == "udp6" {
					vip = netip.IPv6Loopback()
				}
				var x net.Conn = dialVIP(t, c, vip)
				answer := make([]byte, 64)
				got := testing.AllocsPerRun(200, func() {
					if _, err := x.Write([]byte("1")); err != nil {
						t.Fatal(err)
					}
					if err := before(c); err != nil {
						t.Fatal(err)
					}
					if err := p.echo(c); err != nil {
						t.Fatal(err)
					}
					if _, err := x.Read(answer); err != nil {
						t.Fatal(err)
					}
				})
				require.Equal(t, p.want, got)
			}
			t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
				measure(t, func(*dsrudp.Conn) error { return nil })
			})
			t.Run(w.network+w.address+"/"+name+"/deadline", func(t *testing.T) {
				measure(t, func(c *dsrudp.Conn) error { return c.SetDeadline(time.Now().Add(patience)) })
			})
		}
	}
}
