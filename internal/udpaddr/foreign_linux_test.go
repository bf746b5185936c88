package udpaddr_test

import (
	"net"
	"os"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/udpaddr"
)

// TestForeignArraysNotRead: what lies behind an IP that somebody else made is
// its owner's, who may be writing there. Only the capacities that New gives are
// looked behind, each with its length.
//
// Here it lies in a page that cannot be read: a byte of it read is a fault.
func TestForeignArraysNotRead(t *testing.T) {
	page := os.Getpagesize()
	pages, err := unix.Mmap(-1, 0, 2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	require.NoError(t, err)
	defer unix.Munmap(pages)
	require.NoError(t, unix.Mprotect(pages[page:], unix.PROT_NONE))
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))

	ours := make(map[[2]int]bool)
	for remote, c := range remotes {
		a := udpaddr.New(remote, c)
		ours[[2]int{len(a.IP), cap(a.IP)}] = true
	}
	parse := func(a *net.UDPAddr) func() {
		return func() {
			_, ok := udpaddr.Parse(a)
			require.False(t, ok)
		}
	}
	for size := range 256 {
		for n := range min(size+1, 32) {
			if ours[[2]int{n, size}] {
				continue
			}
			for _, like := range [][]byte{make([]byte, n), mapped4.Addr().AsSlice()} {
				a := &net.UDPAddr{IP: pages[page-n : page : page-n+size], Port: 1}
				copy(a.IP, like)
				require.NotPanics(t, parse(a), "%d bytes of %d", n, size)
			}
		}
	}
}
