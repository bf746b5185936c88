//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !windows

package pktinfo

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
)

// Supported says whether this system tells a datagram's destination and lets
// a datagram's source be chosen. Where it does not, control data is passed on
// as it is and says nothing.
const Supported = false

// SourceSize is the most, in bytes, that AppendSource appends.
const SourceSize = 0

func errUnsupported() error {
	return fmt.Errorf("packet information on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// FamilyOf returns an error that matches [errors.ErrUnsupported].
func FamilyOf(uintptr) (Family, error) { return 0, errUnsupported() }

// Enable returns an error that matches [errors.ErrUnsupported].
func Enable(uintptr, Family) error { return errUnsupported() }

// Disable has nothing to undo.
func Disable(uintptr, Family) error { return nil }

// Parse knows nothing of a datagram.
func Parse([]byte) Info { return Info{} }

// ParseInto knows nothing of a datagram.
func ParseInto(*Info, []byte) {}

// Unicast4 knows nothing of a datagram.
func Unicast4([]byte) (a uint32, segment int, ok bool) { return 0, 0, false }

// AppendSource returns oob: what is sent leaves from the kernel's choice, so
// the caller has to refuse a chosen source first.
func AppendSource(oob []byte, _ bool, _ netip.Addr, _ uint32) []byte { return oob }

// AppendSource4 is as AppendSource.
func AppendSource4(oob []byte, _ [4]byte) []byte { return oob }

// Requested finds no source in oob.
func Requested([]byte) (r Request, found bool, err error) { return Request{}, false, nil }

// RequestedFor finds no source in oob.
func RequestedFor([]byte, bool) (r Request, found bool, err error) { return Request{}, false, nil }

// AppendOthers appends oob to dst as it is.
func AppendOthers(dst, oob []byte) []byte { return append(dst, oob...) }

// Cut copies oob to dst. Truncated and others say that it did not fit.
func Cut(dst, oob []byte) (n int, truncated, others bool) {
	n = copy(dst, oob)
	return n, n < len(oob), n < len(oob)
}

// AppendSegmentSize returns oob.
func AppendSegmentSize(oob []byte, _ int) []byte { return oob }

// AppendClass returns oob.
func AppendClass(oob []byte, _ bool, _ uint8) []byte { return oob }
