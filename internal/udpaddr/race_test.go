//go:build race

package udpaddr_test

import (
	"net"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

// TestForeignArraysNotRead: what lies behind an IP that somebody else made is
// its owner's, who may be writing there. Only the two capacities that New gives
// are looked behind, and those nobody comes by unless by asking for them: no
// size class of the allocator is odd.
//
// Here the owner writes at the same time, with nothing that orders the two, and
// the race detector fails the test if Parse reads a byte of it.
func TestForeignArraysNotRead(t *testing.T) {
	ours := map[int]int{
		net.IPv4len: cap(udpaddr.New(remote4, vip4, 0).IP),
		net.IPv6len: cap(udpaddr.New(remote6, vip6, 0).IP),
	}
	for size := range 256 {
		for n := range 32 {
			if n > size || ours[n] == size {
				continue
			}
			a := &net.UDPAddr{IP: make([]byte, n, size), Port: 1}
			done := make(chan struct{})
			go func() {
				behind := a.IP[n:size]
				for i := range behind {
					behind[i] = byte(i)
				}
				close(done)
			}()
			udpaddr.Parse(a)
			<-done
		}
	}
}
