package localroute

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// filterRoutes has the kernel drop the notifications of routes that effectOf
// would call unrelated before they are queued. A router's routes change by the
// thousand at once, faster than they can be read, and would overflow the
// socket's buffer: not to know what was lost voids every answer. Where the
// filter cannot be had, that is the price.
func filterRoutes(fd int) {
	// The fields that touchesLocal looks at.
	const (
		table = headerLen + 4
		kind  = headerLen + 7
	)
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 4},
		jumpIf(asLoaded(unix.RTM_NEWROUTE), 1, 0),
		jumpIf(asLoaded(unix.RTM_DELROUTE), 0, 5), // not about a route: take it
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: table},
		jumpIf(unix.RT_TABLE_LOCAL, 3, 0),
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: kind},
		jumpIf(unix.RTN_LOCAL, 1, 0),
		jumpIf(unix.RTN_ANYCAST, 0, 1),
		{Code: unix.BPF_RET | unix.BPF_K, K: ^uint32(0)}, // take all of it
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	_ = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{
		Len:    uint16(len(program)),
		Filter: &program[0],
	})
}

// jumpIf skips yes instructions if what was loaded is k, and no if not.
func jumpIf(k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: yes, Jf: no, K: k}
}

// asLoaded returns n as a filter loads it, which takes all numbers for
// big-endian ones.
func asLoaded(n uint16) uint32 {
	return uint32(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, n)))
}
