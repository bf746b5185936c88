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
	vipOther = netip.MustParseAddrPort("[fe80::1%another]:60002")
	group6   = netip.MustParseAddrPort("[::%eth0]:60002")

	remotes = map[netip.AddrPort]udpaddr.Carried{
		remote4:  {Local: vip4, Ifindex: 7},
		mapped4:  {Local: vip4, Ifindex: 7},
		remote6:  {Local: vip6, Ifindex: 7},
		remoteLL: {Local: vipLL, Ifindex: 7},
	}
	lost = udpaddr.Carried{Local: netip.AddrPortFrom(netip.Addr{}, 60002), Ifindex: 7, Lost: true}
)

// TestNew compares with the address that net makes, and reads what it carries.
func TestNew(t *testing.T) {
	for _, tt := range []struct {
		remote netip.AddrPort
		in     udpaddr.Carried
		out    netip.AddrPort // not valid: it carries nothing
	}{
		{remote4, remotes[remote4], vip4},
		{mapped4, remotes[mapped4], vip4},
		{remote6, remotes[remote6], vip6},
		{remote6, udpaddr.Carried{Local: vip6}, vip6},
		{remoteLL, udpaddr.Carried{Local: vip6, Ifindex: 7}, vip6},
		{remoteLL, udpaddr.Carried{Local: vipLL, Ifindex: 7}, vipLL},
		{remoteLL, udpaddr.Carried{Local: vipLL}, vipLL},
		{remoteLL, udpaddr.Carried{Local: group6, Ifindex: 7}, group6},
		{remote6, udpaddr.Carried{Local: vipLL, Ifindex: 7}, vipLL},
		{remote6, udpaddr.Carried{Local: vipLL}, vipLL},
		{remote6, udpaddr.Carried{Local: group6, Ifindex: 1<<32 - 1}, group6},
		{remoteLL, udpaddr.Carried{Local: vipOther, Ifindex: 7}, vipOther},
		// Of another family, and not known without Lost.
		{remote: remote4, in: udpaddr.Carried{Local: vip6}},
		{remote: mapped4, in: udpaddr.Carried{Local: vip6}},
		{remote: remote6, in: udpaddr.Carried{Local: vip4}},
		{remote: remote6, in: udpaddr.Carried{Ifindex: 7}},
		{remote: remote4, in: udpaddr.Carried{Ifindex: 7}},
	} {
		a, want := udpaddr.New(tt.remote, tt.in), net.UDPAddrFromAddrPort(tt.remote)
		require.Equal(t, want, a)
		require.Equal(t, want.String(), a.String())
		require.Equal(t, tt.remote, a.AddrPort())
		c, ok := udpaddr.Parse(a)
		require.Equal(t, tt.out.IsValid(), ok, "%v %v", tt.remote, tt.in)
		if ok {
			require.Equal(t, udpaddr.Carried{Local: tt.out, Ifindex: tt.in.Ifindex}, c, "%v %v", tt.remote, tt.in)
		}
	}
	for remote := range remotes {
		c, ok := udpaddr.Parse(udpaddr.New(remote, lost))
		require.True(t, ok)
		require.Equal(t, lost, c)
		withLocal := lost
		withLocal.Local = vipLL // which counts for its port only
		c, ok = udpaddr.Parse(udpaddr.New(remote, withLocal))
		require.True(t, ok)
		require.Equal(t, lost, c)
	}
}

// TestPromise8_OneAllocation: an address is one object, and nothing is allocated to read
// what it carries.
func TestPromise8_OneAllocation(t *testing.T) {
	for remote, c := range remotes {
		var a *net.UDPAddr
		require.EqualValues(t, 1, testing.AllocsPerRun(1000, func() { a = udpaddr.New(remote, c) }), remote)
		require.Zero(t, testing.AllocsPerRun(1000, func() {
			if _, ok := udpaddr.Parse(a); !ok {
				panic("carries nothing")
			}
		}), remote)
	}
}

// TestKept has the uses after which the address must still carry its local one.
func TestKept(t *testing.T) {
	for name, use := range map[string]func(a *net.UDPAddr) *net.UDPAddr{
		"struct copy": func(a *net.UDPAddr) *net.UDPAddr { b := *a; return &b },
		"To4": func(a *net.UDPAddr) *net.UDPAddr {
			if ip := a.IP.To4(); ip != nil {
				return &net.UDPAddr{IP: ip, Port: a.Port, Zone: a.Zone}
			}
			return a
		},
		"To16 of a 16-byte address": func(a *net.UDPAddr) *net.UDPAddr {
			if len(a.IP) == net.IPv4len {
				return a // makes a new array of it: see TestVoided
			}
			return &net.UDPAddr{IP: a.IP.To16(), Port: a.Port, Zone: a.Zone}
		},
		"edited and edited back": func(a *net.UDPAddr) *net.UDPAddr {
			a.Port++
			a.Zone += "x"
			_ = a.String()
			a.Port--
			a.Zone = a.Zone[:len(a.Zone)-1]
			return a
		},
	} {
		for remote, want := range remotes {
			c, ok := udpaddr.Parse(use(udpaddr.New(remote, want)))
			require.True(t, ok, "%s, %v", name, remote)
			require.Equal(t, want, c, "%s, %v", name, remote)
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
		"no zone":          func(a *net.UDPAddr) *net.UDPAddr { a.Zone = map[string]string{"": "eth0"}[a.Zone]; return a },
		"another address":  func(a *net.UDPAddr) *net.UDPAddr { a.IP[len(a.IP)-1]++; return a },
		"another network":  func(a *net.UDPAddr) *net.UDPAddr { a.IP[0]++; return a },
		"cut IP":           func(a *net.UDPAddr) *net.UDPAddr { a.IP = a.IP[:len(a.IP)-1]; return a },
		"cloned IP":        func(a *net.UDPAddr) *net.UDPAddr { a.IP = slices.Clone(a.IP); return a },
		"clipped IP":       func(a *net.UDPAddr) *net.UDPAddr { a.IP = slices.Clip(a.IP); return a },
		"foreign array":    func(a *net.UDPAddr) *net.UDPAddr { a.IP = append(make(net.IP, 0, cap(a.IP)), a.IP...); return a },
		"rebuilt":          func(a *net.UDPAddr) *net.UDPAddr { return net.UDPAddrFromAddrPort(a.AddrPort()) },
		"appended, cut":    func(a *net.UDPAddr) *net.UDPAddr { _ = append(a.IP, other(a.IP)); return a },
		"appended, copied": func(a *net.UDPAddr) *net.UDPAddr { a.IP = append(a.IP, other(a.IP))[:len(a.IP)]; return a },
		"from its string": func(a *net.UDPAddr) *net.UDPAddr {
			b, err := net.ResolveUDPAddr("udp", a.String())
			require.NoError(t, err)
			return b
		},
	} {
		for remote, c := range remotes {
			_, ok := udpaddr.Parse(use(udpaddr.New(remote, c)))
			require.False(t, ok, "%s, %v", name, remote)
		}
	}
}

// FuzzParse edits an address as a program may, through all that is visible of
// it, and wants that it carries its local address only if it still is the same
// address.
func FuzzParse(f *testing.F) {
	f.Add(uint8(0), []byte{203, 0, 113, 2}, 40695, "", []byte(nil))
	f.Add(uint8(1), []byte(net.ParseIP("203.0.113.2")), 40695, "", []byte(nil))
	f.Add(uint8(2), []byte(net.ParseIP("2001:db8::2")), 40695, "", []byte{0})
	f.Add(uint8(2), []byte(net.ParseIP("fe80::2")), 1, "eth0", make([]byte, 53))
	f.Add(uint8(3), []byte(net.ParseIP("fe80::2")), 40695, "eth0", []byte(nil))
	f.Fuzz(func(t *testing.T, which uint8, ip []byte, port int, zone string, appended []byte) {
		remote := []netip.AddrPort{remote4, mapped4, remote6, remoteLL}[which%4]
		a := udpaddr.New(remote, remotes[remote])
		if len(appended) > 0 {
			_ = append(a.IP, appended...)
		}
		copy(a.IP, ip)
		a.Port, a.Zone = port, zone
		same := slices.Equal(a.IP, remote.Addr().AsSlice()) && port == int(remote.Port()) && zone == remote.Addr().Zone()
		c, ok := udpaddr.Parse(a)
		require.False(t, ok && !same, "%v, edited to %v, still carries %v", remote, a, c)
		require.True(t, ok || !same || len(appended) > 0, "%v lost what it carried", a)
		if ok {
			require.Equal(t, remotes[remote], c)
		}
	})
}
