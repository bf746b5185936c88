package udpaddr_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

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
		want := family[remote][0]
		a := udpaddr.New(remote, want, 3)
		if len(appended) > 0 {
			_ = append(a.IP, appended...)
		}
		copy(a.IP, ip)
		a.Port, a.Zone = port, zone
		same := bytes.Equal(a.IP, remote.Addr().AsSlice()) && port == int(remote.Port()) && zone == remote.Addr().Zone()
		local, group, ok := udpaddr.Parse(a)
		if ok && !same {
			t.Fatalf("%v, edited to %v, still carries %v", remote, a, local)
		}
		if ok && (local != want || group != 3) {
			t.Fatalf("carries %v of %d, want %v", local, group, want)
		}
		if !ok && same && len(appended) == 0 {
			t.Fatalf("%v lost what it carried", a)
		}
	})
}
