//go:build race

package udpaddr_test

import (
	"net"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

// TestForeignArraysNotRead: what lies behind an IP that somebody else made is
// its owner's, who may be writing there. Only the capacities that New gives are
// looked behind, each with its length.
//
// Here the owner writes at the same time, with nothing that orders the two, and
// the race detector fails the test if Parse reads a byte of it.
func TestForeignArraysNotRead(t *testing.T) {
	ours := make(map[[2]int]bool)
	for remote, locals := range family {
		a := udpaddr.New(remote, locals[0], 0)
		ours[[2]int{len(a.IP), cap(a.IP)}] = true
	}
	for size := range 256 {
		for n := range 32 {
			if n > size || ours[[2]int{n, size}] {
				continue
			}
			for _, like := range [][]byte{nil, mapped4.Addr().AsSlice()} {
				a := &net.UDPAddr{IP: make([]byte, n, size), Port: 1}
				copy(a.IP, like)
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
}
