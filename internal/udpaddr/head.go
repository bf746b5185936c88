package udpaddr

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
)

// A head is what comes first behind an address. The addresses themselves follow,
// in the layout of their family.
type head [headLen]byte

const (
	offMarker     = 0
	offGroup      = offMarker + 8
	offRemotePort = offGroup + 4
	offLocalPort  = offRemotePort + 2
	offLost       = offLocalPort + 2 // 1 if there is no local address: it was lost on receipt
	headLen       = offLost + 1
)

// marker is random for each process: nothing that comes from outside can know
// it, and no array holds it by chance.
var marker = func() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return binary.NativeEndian.Uint64(b[:])
}()

// set fills in h, which is zero.
func (h *head) set(remotePort uint16, local netip.AddrPort, group uint32) {
	binary.NativeEndian.PutUint64(h[offMarker:], marker)
	binary.NativeEndian.PutUint32(h[offGroup:], group)
	binary.NativeEndian.PutUint16(h[offRemotePort:], remotePort)
	binary.NativeEndian.PutUint16(h[offLocalPort:], local.Port())
	if !local.IsValid() {
		h[offLost] = 1
	}
}

// fits reports whether h was set, and for that port.
func (h *head) fits(port int) bool {
	return binary.NativeEndian.Uint64(h[offMarker:]) == marker && int(binary.NativeEndian.Uint16(h[offRemotePort:])) == port
}

func (h *head) lost() bool        { return h[offLost] != 0 }
func (h *head) group() uint32     { return binary.NativeEndian.Uint32(h[offGroup:]) }
func (h *head) localPort() uint16 { return binary.NativeEndian.Uint16(h[offLocalPort:]) }
