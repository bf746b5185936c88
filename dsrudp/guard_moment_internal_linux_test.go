package dsrudp

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// momentWays are ways to write two datagrams, of which each is an element of errs.
var momentWays = map[string]struct {
	write func(c *Conn, p Path) (errs []error)
	apart bool // the kernel takes no segments
}{
	"WriteToPath": {write: func(c *Conn, p Path) (errs []error) {
		for _, b := range momentPayloads {
			_, err := c.WriteToPath(b, p)
			errs = append(errs, err)
		}
		return errs
	}},
	"WritePackets":            {write: momentPackets},
	"WritePackets one by one": {write: momentPackets, apart: true},
	"WriteBatch": {write: func(c *Conn, p Path) (errs []error) {
		control := unix.PktInfo6(&unix.Inet6Pktinfo{Addr: p.Local.Addr().As16()})
		for _, b := range momentPayloads {
			_, err := c.WriteBatch([]ipv4.Message{{Buffers: [][]byte{b}, OOB: control, Addr: net.UDPAddrFromAddrPort(p.Remote)}}, 0)
			errs = append(errs, err)
		}
		return errs
	}},
}

var momentPayloads = [][]byte{[]byte("1"), []byte("2")}

func momentPackets(c *Conn, p Path) (errs []error) {
	var ps []Packet
	for _, b := range momentPayloads {
		ps = append(ps, Packet{Buf: b, N: len(b), Path: p})
	}
	_, _ = c.WritePackets(ps)
	for i := range ps {
		errs = append(errs, ps[i].Err)
	}
	return errs
}

// TestWithdrawnAtAnyMoment: a source may be withdrawn whenever a send looks at the
// guard's generation, and so at any moment between. What had to wait its turn after that
// does not leave from it; and where another one was withdrawn, it leaves once.
func TestWithdrawnAtAnyMoment(t *testing.T) {
	for name, way := range momentWays {
		t.Run(name, func(t *testing.T) {
			for _, concerned := range []bool{true, false} {
				for moment := 1; ; moment++ {
					require.Less(t, moment, 50, "there is no end")
					if !withdrawAt(t, moment, concerned, way.apart, way.write) {
						require.Greater(t, moment, 2, "no moment was met")
						break
					}
				}
			}
		})
	}
}

// withdrawAt withdraws the source that is written from, if it is concerned, or else
// another, when the generation is looked at for so many times. It reports whether it was.
func withdrawAt(t *testing.T, moment int, concerned, apart bool, write func(*Conn, Path) []error) bool {
	t.Helper()
	c, err := ListenPacket("udp6", "[::]:0")
	require.NoError(t, err)
	defer c.Close()
	// Not connected: what it is written from is no address that there is.
	x, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	require.NoError(t, err)
	defer x.Close()
	p := Path{Local: netip.MustParseAddrPort("[2001:db8::77]:0"), Remote: x.LocalAddr().(*net.UDPAddr).AddrPort()}
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Hour))) // so that net has it wait its turn
	if apart {
		momentOption(t, c.raw, unix.UDP_NO_CHECK6_TX) // then the kernel calls segments invalid
		raw, err := x.SyscallConn()
		require.NoError(t, err)
		momentOption(t, raw, unix.UDP_NO_CHECK6_RX)
	}
	c.guard6 = false // all addresses are local
	gen, looks := uint64(1), 0
	c.sock.Heed(func() uint64 {
		if looks++; looks == moment {
			gen++
			c.guard6 = concerned
		}
		return gen
	})
	errs := write(c, p)
	left := 0
	for _, err := range errs {
		if err == nil {
			left++
			continue
		}
		require.True(t, concerned)
		require.ErrorIs(t, err, ErrNotLocal)
	}
	require.Equal(t, left, momentArrived(t, x))
	if looks >= moment && concerned {
		require.Less(t, left, len(errs), "look %d", moment)
	}
	if left == len(errs) && apart {
		require.EqualValues(t, 1, c.Stats().OffloadFallbacks)
	}
	return looks >= moment
}

// momentOption turns an option of UDP on.
func momentOption(t *testing.T, raw syscall.RawConn, option int) {
	t.Helper()
	require.NoError(t, raw.Control(func(fd uintptr) {
		require.NoError(t, unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, option, 1))
	}))
}

// momentArrived returns how many datagrams there are.
func momentArrived(t *testing.T, x *net.UDPConn) (n int) {
	t.Helper()
	raw, err := x.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		for {
			if _, _, err = syscall.Recvfrom(int(fd), make([]byte, 8), syscall.MSG_DONTWAIT); err != nil {
				return
			}
			n++
		}
	}))
	require.True(t, errors.Is(err, syscall.EAGAIN), err)
	return n
}
