package udpaddr_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

// FuzzParse edits an address as a program may, through all that is visible of
// it, and wants that it carries its local address only if it still is the same
// address.
func FuzzParse(f *testing.F) {
	f.Add(true, []byte{203, 0, 113, 2}, 40695, "", []byte(nil))
	f.Add(false, []byte(net.ParseIP("2001:db8::2")), 40695, "", []byte{0})
	f.Add(false, []byte(net.ParseIP("fe80::2")), 1, "eth0", make([]byte, 61))
	f.Fuzz(func(t *testing.T, v4 bool, ip []byte, port int, zone string, appended []byte) {
		remote := netip.MustParseAddrPort("[2001:db8::2]:40695")
		if v4 {
			remote = netip.MustParseAddrPort("203.0.113.2:40695")
		}
		local := netip.MustParseAddrPort("[2001:db8::100]:53")
		a := udpaddr.New(remote, local, 3)
		if len(appended) > 0 {
			_ = append(a.IP, appended...)
		}
		copy(a.IP, ip)
		a.Port, a.Zone = port, zone
		same := a.AddrPort() == remote && port == int(remote.Port()) && zone == remote.Addr().Zone()
		c, ok := udpaddr.Parse(a)
		if ok && !same {
			t.Fatalf("%v, edited to %v, still carries %v", remote, a, c.Local)
		}
		if ok && (c.Local != local || c.Group != 3 || c.Lost) {
			t.Fatalf("carries %+v, want %v", c, local)
		}
		if !ok && same && len(appended) == 0 {
			t.Fatalf("%v lost what it carried", a)
		}
	})
}
