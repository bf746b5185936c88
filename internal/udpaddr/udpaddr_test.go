package udpaddr_test

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

var (
	remote4  = netip.MustParseAddrPort("203.0.113.2:40695")
	mapped4  = netip.MustParseAddrPort("[::ffff:203.0.113.2]:40695")
	remote6  = netip.MustParseAddrPort("[2001:db8::2]:40695")
	remoteLL = netip.MustParseAddrPort("[fe80::2%eth0]:40695")
	vip4     = netip.MustParseAddrPort("198.51.100.2:60002")
	vip6     = netip.MustParseAddrPort("[2001:db8:198::2]:60002")
	vipLL    = netip.MustParseAddrPort("[fe80::1%eth0]:60002")
	group    = netip.MustParseAddrPort("[::%eth0]:60002")
)

// TestNewIsNetsAddress compares with the address that net makes.
func TestNewIsNetsAddress(t *testing.T) {
	for _, remote := range []netip.AddrPort{remote4, mapped4, remote6, remoteLL} {
		want := net.UDPAddrFromAddrPort(remote)
		got := udpaddr.New(remote, vip4, 7)
		require.Equal(t, want, got)
		require.Equal(t, want.String(), got.String())
		require.Equal(t, want.AddrPort(), got.AddrPort())
		require.Equal(t, len(want.IP), len(got.IP))
	}
}

func TestParse(t *testing.T) {
	for _, remote := range []netip.AddrPort{remote4, mapped4, remote6, remoteLL} {
		for _, local := range []netip.AddrPort{vip4, vip6, vipLL, group} {
			want := udpaddr.Carried{Local: local, Group: 7}
			got, ok := udpaddr.Parse(udpaddr.New(remote, want.Local, want.Group))
			require.True(t, ok, "%v %v", remote, local)
			require.Equal(t, want, got)
		}
		got, ok := udpaddr.Parse(udpaddr.New(remote, netip.AddrPort{}, 9))
		require.True(t, ok)
		require.Equal(t, udpaddr.Carried{Lost: true, Group: 9}, got)
	}
}

// TestKept has the uses after which the address must still carry its local one.
func TestKept(t *testing.T) {
	want := udpaddr.Carried{Local: vip4, Group: 1}
	for name, use := range map[string]func(a *net.UDPAddr) *net.UDPAddr{
		"as it is":    func(a *net.UDPAddr) *net.UDPAddr { return a },
		"struct copy": func(a *net.UDPAddr) *net.UDPAddr { b := *a; return &b },
		"To4": func(a *net.UDPAddr) *net.UDPAddr {
			return &net.UDPAddr{IP: a.IP.To4(), Port: a.Port, Zone: a.Zone}
		},
		"To16 of a 16-byte address": func(a *net.UDPAddr) *net.UDPAddr {
			if len(a.IP) == net.IPv4len {
				return a // makes a new array of it: see TestVoided
			}
			return &net.UDPAddr{IP: a.IP.To16(), Port: a.Port}
		},
		"edited and edited back": func(a *net.UDPAddr) *net.UDPAddr {
			a.Port++
			_ = a.String()
			a.Port--
			return a
		},
	} {
		for _, remote := range []netip.AddrPort{remote4, mapped4} {
			got, ok := udpaddr.Parse(use(udpaddr.New(remote, want.Local, want.Group)))
			require.True(t, ok, "%s, %v", name, remote)
			require.Equal(t, want, got, "%s, %v", name, remote)
		}
	}
}

// TestVoided has the uses after which what it carried must not be believed.
func TestVoided(t *testing.T) {
	for name, use := range map[string]func(a *net.UDPAddr) *net.UDPAddr{
		"nil":              func(*net.UDPAddr) *net.UDPAddr { return nil },
		"zero":             func(*net.UDPAddr) *net.UDPAddr { return &net.UDPAddr{} },
		"another port":     func(a *net.UDPAddr) *net.UDPAddr { a.Port++; return a },
		"port over 65535":  func(a *net.UDPAddr) *net.UDPAddr { a.Port += 1 << 16; return a },
		"another zone":     func(a *net.UDPAddr) *net.UDPAddr { a.Zone += "x"; return a },
		"another address":  func(a *net.UDPAddr) *net.UDPAddr { a.IP[len(a.IP)-1]++; return a },
		"cloned IP":        func(a *net.UDPAddr) *net.UDPAddr { a.IP = slices.Clone(a.IP); return a },
		"clipped IP":       func(a *net.UDPAddr) *net.UDPAddr { a.IP = slices.Clip(a.IP); return a },
		"rebuilt":          func(a *net.UDPAddr) *net.UDPAddr { return net.UDPAddrFromAddrPort(a.AddrPort()) },
		"appended, cut":    func(a *net.UDPAddr) *net.UDPAddr { _ = append(a.IP, 1); return a },
		"appended, copied": func(a *net.UDPAddr) *net.UDPAddr { a.IP = append(a.IP, 1)[:len(a.IP)]; return a },
		"from its string": func(a *net.UDPAddr) *net.UDPAddr {
			b, err := net.ResolveUDPAddr("udp", a.String())
			if err != nil {
				panic(err)
			}
			return b
		},
	} {
		for _, remote := range []netip.AddrPort{remote4, mapped4, remote6, remoteLL} {
			_, ok := udpaddr.Parse(use(udpaddr.New(remote, vip6, 1)))
			require.False(t, ok, "%s, %v", name, remote)
		}
	}
}

// TestForeignArrays: arrays of the carrier's capacity that it did not make.
func TestForeignArrays(t *testing.T) {
	for size := range 128 {
		for _, n := range []int{0, 4, 16} {
			if n > size {
				continue
			}
			_, ok := udpaddr.Parse(&net.UDPAddr{IP: make([]byte, n, size), Port: 1})
			require.False(t, ok)
		}
	}
}
