package dsrudp_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// The servers here are written against net alone. Each reads two datagrams
// before it answers the first: one that answered each before it read the next
// would look right with a table that knows only the last path.

// A netServer answers two datagrams, the first last.
type netServer func(t *testing.T, c *dsrudp.Conn)

// carrying are servers that hand back the address they got.
var carrying = map[string]netServer{
	"ReadFrom": func(t *testing.T, c *dsrudp.Conn) {
		var pc net.PacketConn = c
		answerAll(t, func(b []byte) (int, net.Addr, error) { return pc.ReadFrom(b) },
			func(b []byte, a net.Addr) error { _, err := pc.WriteTo(b, a); return err })
	},
	"ReadFromUDP": func(t *testing.T, c *dsrudp.Conn) {
		answerAll(t, c.ReadFromUDP, func(b []byte, a *net.UDPAddr) error { _, err := c.WriteToUDP(b, a); return err })
	},
	"ReadMsgUDP": func(t *testing.T, c *dsrudp.Conn) {
		answerAll(t, func(b []byte) (int, *net.UDPAddr, error) {
			n, _, _, a, err := c.ReadMsgUDP(b, nil)
			return n, a, err
		}, func(b []byte, a *net.UDPAddr) error { _, _, err := c.WriteMsgUDP(b, nil, a); return err })
	},
	"ReadMsgUDP, control messages handed back": func(t *testing.T, c *dsrudp.Conn) {
		type from struct {
			addr netip.AddrPort
			oob  []byte
		}
		answerAll(t, func(b []byte) (int, from, error) {
			oob := make([]byte, 128)
			n, oobn, _, a, err := c.ReadMsgUDPAddrPort(b, oob)
			return n, from{a, oob[:oobn]}, err
		}, func(b []byte, f from) error {
			before := slices.Clone(f.oob)
			_, oobn, err := c.WriteMsgUDPAddrPort(b, f.oob, f.addr)
			require.Equal(t, before, f.oob, "the caller's control messages were changed")
			require.Equal(t, len(f.oob), oobn)
			return err
		})
	},
	"ReadMsgUDP, a short buffer": func(t *testing.T, c *dsrudp.Conn) {
		answerAll(t, func(b []byte) (int, *net.UDPAddr, error) {
			n, _, _, a, err := c.ReadMsgUDP(b, make([]byte, 20))
			return n, a, err
		}, func(b []byte, a *net.UDPAddr) error { _, err := c.WriteToUDP(b, a); return err })
	},
	"type assertion and struct copy": func(t *testing.T, c *dsrudp.Conn) {
		var pc net.PacketConn = c
		answerAll(t, func(b []byte) (int, net.UDPAddr, error) {
			n, a, err := pc.ReadFrom(b)
			return n, *a.(*net.UDPAddr), err
		}, func(b []byte, a net.UDPAddr) error { _, err := pc.WriteTo(b, &a); return err })
	},
	"rebuilt from To4, port and zone": func(t *testing.T, c *dsrudp.Conn) {
		answerAll(t, c.ReadFromUDP, func(b []byte, a *net.UDPAddr) error {
			ip := a.IP
			if ip4 := ip.To4(); ip4 != nil {
				ip = ip4
			}
			_, err := c.WriteToUDP(b, &net.UDPAddr{IP: ip, Port: a.Port, Zone: a.Zone})
			return err
		})
	},
	"ReadFromPath": func(t *testing.T, c *dsrudp.Conn) {
		answerAll(t, c.ReadFromPath, func(b []byte, p dsrudp.Path) error { _, err := c.WriteToPath(b, p); return err })
	},
	"a map keyed on Path": func(t *testing.T, c *dsrudp.Conn) {
		sessions := map[dsrudp.Path]int{}
		answerAll(t, func(b []byte) (int, dsrudp.Path, error) {
			n, a, err := c.ReadFrom(b)
			p, ok := dsrudp.PathOf(a)
			require.True(t, ok)
			sessions[p]++
			return n, p, err
		}, func(b []byte, p dsrudp.Path) error { _, err := c.WriteToPath(b, p); return err })
		require.Len(t, sessions, 2)
	},
}

// rebuilding are servers that hand back an address made anew: what it carried
// is gone, and the path memory serves.
var rebuilding = map[string]netServer{
	"AddrPort": func(t *testing.T, c *dsrudp.Conn) {
		answerAll(t, c.ReadFromUDPAddrPort, func(b []byte, a netip.AddrPort) error {
			_, err := c.WriteToUDPAddrPort(b, a)
			return err
		})
	},
	"ReadMsgUDPAddrPort": func(t *testing.T, c *dsrudp.Conn) {
		answerAll(t, func(b []byte) (int, netip.AddrPort, error) {
			n, _, _, a, err := c.ReadMsgUDPAddrPort(b, nil)
			return n, a, err
		}, func(b []byte, a netip.AddrPort) error { _, _, err := c.WriteMsgUDPAddrPort(b, nil, a); return err })
	},
	"a map keyed on String": func(t *testing.T, c *dsrudp.Conn) {
		sessions := map[string]int{}
		answerAll(t, func(b []byte) (int, string, error) {
			n, a, err := c.ReadFrom(b)
			sessions[a.String()]++
			return n, a.String(), err
		}, func(b []byte, s string) error {
			a, err := net.ResolveUDPAddr("udp", s)
			require.NoError(t, err)
			_, err = c.WriteTo(b, a)
			return err
		})
		require.Len(t, sessions, 2)
	},
	"unmapped AddrPort": func(t *testing.T, c *dsrudp.Conn) {
		answerAll(t, c.ReadFromUDPAddrPort, func(b []byte, a netip.AddrPort) error {
			_, err := c.WriteToUDPAddrPort(b, netip.AddrPortFrom(a.Addr().Unmap(), a.Port()))
			return err
		})
	},
	"a cloned IP": func(t *testing.T, c *dsrudp.Conn) {
		answerAll(t, c.ReadFromUDP, func(b []byte, a *net.UDPAddr) error {
			_, err := c.WriteToUDP(b, &net.UDPAddr{IP: slices.Clone(a.IP), Port: a.Port})
			return err
		})
	},
	"an IP appended to": func(t *testing.T, c *dsrudp.Conn) {
		answerAll(t, c.ReadFromUDP, func(b []byte, a *net.UDPAddr) error {
			key := binary.BigEndian.AppendUint16(a.IP, uint16(a.Port)) // as a session key
			require.Len(t, key, len(a.IP)+2)
			_, err := c.WriteToUDP(b, a)
			return err
		})
	},
	"Read, then an address known elsewhere": func(t *testing.T, c *dsrudp.Conn) {
		// The client says in the datagram where to answer.
		answerAll(t, func(b []byte) (int, string, error) {
			n, err := c.Read(b)
			return n, string(b[1:n]), err
		}, func(b []byte, s string) error {
			_, err := c.WriteToUDPAddrPort(b, netip.MustParseAddrPort(s))
			return err
		})
	},
}

// answerAll receives two datagrams and answers them in the other order.
func answerAll[A any](t *testing.T, read func([]byte) (int, A, error), write func([]byte, A) error) {
	t.Helper()
	var payloads [2][]byte
	var from [2]A
	for i := range payloads {
		b := make([]byte, 256)
		n, a, err := read(b)
		require.NoError(t, err)
		payloads[i], from[i] = b[:n], a
	}
	for i := len(payloads) - 1; i >= 0; i-- {
		require.NoError(t, write(payloads[i], from[i]))
	}
}

// wildcards are the sockets that a server listens with.
var wildcards = []struct{ network, address string }{{"udp4", ":0"}, {"udp", ":0"}, {"udp", "0.0.0.0:0"}, {"udp", "[::]:0"}}

// TestTwoVIPs: two clients write to two VIPs, before either is answered.
func TestTwoVIPs(t *testing.T) {
	for _, w := range wildcards {
		for _, servers := range []map[string]netServer{carrying, rebuilding} {
			for name, serve := range servers {
				t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
					c := listen(t, w.network, w.address)
					x, y := dialVIP(t, c, vips[0]), dialVIP(t, c, vips[1])
					ask(t, c, serve, x, y)
					s := c.Stats()
					s.PathEntries, s.PathBytes = 0, 0
					require.Zero(t, s, "all was told and nothing lost")
				})
			}
		}
	}
}

// TestOnePortTwoVIPs: one client port writes to two VIPs, before either is
// answered. Only what carries the path can tell them apart.
func TestOnePortTwoVIPs(t *testing.T) {
	for _, w := range wildcards {
		for name, serve := range carrying {
			t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
				c := listen(t, w.network, w.address)
				x, y := dialOnePort(t, c, vips[0], vips[1])
				require.Equal(t, addrPortOf(x.LocalAddr()).Port(), addrPortOf(y.LocalAddr()).Port())
				ask(t, c, serve, x, y)
			})
		}
	}
}

// ask has two clients ask at the same time and wants each one's answer back.
func ask(t *testing.T, c *dsrudp.Conn, serve netServer, x, y *net.UDPConn) {
	t.Helper()
	questions := [2]string{"x" + x.LocalAddr().String(), "y" + y.LocalAddr().String()}
	write(t, x, questions[0])
	write(t, y, questions[1])
	serve(t, c)
	require.Equal(t, questions[0], read(t, x))
	require.Equal(t, questions[1], read(t, y))
}
