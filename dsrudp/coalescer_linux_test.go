package dsrudp_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestHeldTogether: answers of one length, given between reads, leave as one
// message. A pause of a millisecond lets them go before, so that this need not
// happen each time.
func TestHeldTogether(t *testing.T) {
	c, _ := listenHolding(t, "udp")
	x := dialTrains(t, c, vips[1])
	b := make([]byte, 8)
	end := time.Now().Add(patience)
	for {
		for i := range 4 {
			write(t, x, fmt.Sprint(i))
		}
		for i := range 4 {
			n, a, err := c.ReadFrom(b)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(i), string(b[:n]))
			_, err = c.WriteTo(b[:n], a)
			require.NoError(t, err)
		}
		got, whole := "", false
		for len(got) < 4 {
			tr := readTrain(t, x)
			got += tr.payload
			whole = whole || len(tr.payload) == 4
		}
		require.Equal(t, "0123", got)
		if whole {
			return
		}
		require.True(t, time.Now().Before(end), "they never leave as one")
	}
}

// TestHeldLeave: what is held leaves with the answer to the last datagram, before
// a read waits, on Close, and when a reader does not come back, in order and from
// the right source.
func TestHeldLeave(t *testing.T) {
	for _, w := range wildcards {
		for name, then := range map[string]func(t *testing.T, c *dsrudp.Conn, x *net.UDPConn, p dsrudp.Path){
			"last answer": func(t *testing.T, c *dsrudp.Conn, x *net.UDPConn, p dsrudp.Path) {
				_, _, err := c.ReadFromPath(make([]byte, 8))
				require.NoError(t, err)
				hold(t, c, p, "third")
			},
			"next read": func(t *testing.T, c *dsrudp.Conn, x *net.UDPConn, p dsrudp.Path) {
				_, _, err := c.ReadFromPath(make([]byte, 8))
				require.NoError(t, err)
				go func() {
					_, _, err := c.ReadFromPath(make([]byte, 8))
					if err == nil {
						_, _ = c.WriteToPath([]byte("third"), p)
					}
				}()
				write(t, x, "2")
			},
			"no read": func(*testing.T, *dsrudp.Conn, *net.UDPConn, dsrudp.Path) {},
			"Close": func(t *testing.T, c *dsrudp.Conn, _ *net.UDPConn, _ dsrudp.Path) {
				require.NoError(t, c.Close())
			},
		} {
			t.Run(w.network+w.address+"/"+name, func(t *testing.T) {
				c, tell := listenHolding(t, w.network)
				x := dialVIP(t, c, vips[1])
				requireAhead(t, c, x, 2)
				p := pathFrom(c, vips[1], x)
				hold(t, c, p, "first", "second, longer")
				then(t, c, x, p)
				require.Equal(t, "first", read(t, x))
				require.Equal(t, "second, longer", read(t, x))
				if name == "last answer" || name == "next read" {
					require.Equal(t, "third", read(t, x))
				}
				require.Empty(t, tell)
			})
		}
	}
}

// TestHeldMany: more is written than is held, of any length.
func TestHeldMany(t *testing.T) {
	c, tell := listenHolding(t, "udp")
	x := dialTrains(t, c, vips[0])
	requireAhead(t, c, x, 2)
	p := pathFrom(c, vips[0], x)
	want := ""
	for i := range 100 {
		s := fmt.Sprint(i)
		hold(t, c, p, s)
		want += s
	}
	for i := range 4 {
		s := bytesOf(i, 30000)
		hold(t, c, p, s, "")
		want += s
	}
	got := ""
	for len(got) < len(want) {
		got += readTrain(t, x).payload
	}
	require.True(t, want == got)
	require.Empty(t, tell)
}

// TestHeldOrder: writes that are not held do not overtake those that are.
func TestHeldOrder(t *testing.T) {
	tos := make([]byte, unix.CmsgSpace(4))
	cmsghdr(tos, unix.IPPROTO_IP, unix.IP_TOS, 4)
	for name, second := range map[string]func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error{
		"WriteMsgUDP": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
			_, _, err := c.WriteMsgUDP(b, tos, net.UDPAddrFromAddrPort(p.Remote))
			return err
		},
		"WriteMsgUDPAddrPort": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
			_, _, err := c.WriteMsgUDPAddrPort(b, tos, p.Remote)
			return err
		},
		"WritePackets": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
			_, err := c.WritePackets([]dsrudp.Packet{{Buf: b, N: len(b), Path: p}})
			return err
		},
		"WriteBatch": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
			_, err := c.WriteBatch([]ipv4.Message{{Buffers: [][]byte{b}, Addr: net.UDPAddrFromAddrPort(p.Remote)}}, 0)
			return err
		},
		"WriteToUDPAddrPort": func(c *dsrudp.Conn, b []byte, p dsrudp.Path) error {
			_, err := c.WriteToUDPAddrPort(b, p.Remote)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, tell := listenHolding(t, "udp4")
			x := dialVIP(t, c, vips[0])
			requireAhead(t, c, x, 2)
			p := pathFrom(c, vips[0], x)
			for i := range 20 {
				hold(t, c, p, fmt.Sprint("first ", i))
				require.NoError(t, second(c, fmt.Append(nil, "second ", i), p))
			}
			for i := range 20 {
				require.Equal(t, fmt.Sprint("first ", i), read(t, x))
				require.Equal(t, fmt.Sprint("second ", i), read(t, x))
			}
			require.Empty(t, tell)
		})
	}
}
