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
	group6   = netip.MustParseAddrPort("[::%eth0]:60002")
)

// family has remote addresses and the local ones that their datagrams can have.
var family = map[netip.AddrPort][]netip.AddrPort{
	remote4:  {vip4},
	mapped4:  {vip4},
	remote6:  {vip6, vipLL, group6},
	remoteLL: {vip6, vipLL, group6},
}

// TestNewIsNetsAddress compares with the address that net makes.
func TestNewIsNetsAddress(t *testing.T) {
	for remote, locals := range family {
		want := net.UDPAddrFromAddrPort(remote)
		got := udpaddr.New(remote, locals[0], 7)
		require.Equal(t, want, got)
		require.Equal(t, want.String(), got.String())
		require.Equal(t, want.AddrPort(), got.AddrPort())
		require.Equal(t, len(want.IP), len(got.IP))
	}
	zoned := netip.MustParseAddrPort("[::ffff:203.0.113.2%eth0]:40695") // of which there are none
	require.Equal(t, net.UDPAddrFromAddrPort(zoned), udpaddr.New(zoned, vip4, 7))
}

func TestParse(t *testing.T) {
	for remote, locals := range family {
		for _, want := range append(locals, netip.AddrPort{}) {
			local, group, ok := udpaddr.Parse(udpaddr.New(remote, want, 7))
			require.True(t, ok, "%v %v", remote, want)
			require.Equal(t, want, local)
			require.EqualValues(t, 7, group)
		}
	}
}

// TestOtherFamily: a datagram's two addresses are of one family.
func TestOtherFamily(t *testing.T) {
	for _, pair := range [][2]netip.AddrPort{{remote4, vip6}, {mapped4, vip6}, {remote6, vip4}} {
		got := udpaddr.New(pair[0], pair[1], 7)
		require.Equal(t, net.UDPAddrFromAddrPort(pair[0]), got)
		_, _, ok := udpaddr.Parse(got)
		require.False(t, ok)
	}
}

// TestKept has the uses after which the address must still carry its local one.
func TestKept(t *testing.T) {
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
			return &net.UDPAddr{IP: a.IP.To16(), Port: a.Port, Zone: a.Zone}
		},
		"edited and edited back": func(a *net.UDPAddr) *net.UDPAddr {
			a.Port++
			_ = a.String()
			a.Port--
			return a
		},
	} {
		for remote, locals := range family {
			if name == "To4" && remote.Addr().Unmap().Is6() {
				continue
			}
			local, group, ok := udpaddr.Parse(use(udpaddr.New(remote, locals[0], 1)))
			require.True(t, ok, "%s, %v", name, remote)
			require.Equal(t, locals[0], local, "%s, %v", name, remote)
			require.EqualValues(t, 1, group)
		}
	}
}

// other returns another byte than there is behind ip. What is there is random.
func other(ip net.IP) byte { return ip[:len(ip)+1][len(ip)] + 1 }

// TestVoided has the uses after which what it carried must not be believed.
func TestVoided(t *testing.T) {
	for name, use := range map[string]func(a *net.UDPAddr) *net.UDPAddr{
		"nil":              func(*net.UDPAddr) *net.UDPAddr { return nil },
		"zero":             func(*net.UDPAddr) *net.UDPAddr { return &net.UDPAddr{} },
		"another port":     func(a *net.UDPAddr) *net.UDPAddr { a.Port++; return a },
		"port over 65535":  func(a *net.UDPAddr) *net.UDPAddr { a.Port += 1 << 16; return a },
		"another zone":     func(a *net.UDPAddr) *net.UDPAddr { a.Zone += "x"; return a },
		"another address":  func(a *net.UDPAddr) *net.UDPAddr { a.IP[len(a.IP)-1]++; return a },
		"another network":  func(a *net.UDPAddr) *net.UDPAddr { a.IP[0]++; return a },
		"cut IP":           func(a *net.UDPAddr) *net.UDPAddr { a.IP = a.IP[:len(a.IP)-1]; return a },
		"cloned IP":        func(a *net.UDPAddr) *net.UDPAddr { a.IP = slices.Clone(a.IP); return a },
		"clipped IP":       func(a *net.UDPAddr) *net.UDPAddr { a.IP = slices.Clip(a.IP); return a },
		"rebuilt":          func(a *net.UDPAddr) *net.UDPAddr { return net.UDPAddrFromAddrPort(a.AddrPort()) },
		"appended, cut":    func(a *net.UDPAddr) *net.UDPAddr { _ = append(a.IP, other(a.IP)); return a },
		"appended, copied": func(a *net.UDPAddr) *net.UDPAddr { a.IP = append(a.IP, other(a.IP))[:len(a.IP)]; return a },
		"from its string": func(a *net.UDPAddr) *net.UDPAddr {
			b, err := net.ResolveUDPAddr("udp", a.String())
			if err != nil {
				panic(err)
			}
			return b
		},
	} {
		for remote, locals := range family {
			_, _, ok := udpaddr.Parse(use(udpaddr.New(remote, locals[0], 1)))
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
			_, _, ok := udpaddr.Parse(&net.UDPAddr{IP: make([]byte, n, size), Port: 1})
			require.False(t, ok)
		}
	}
}
