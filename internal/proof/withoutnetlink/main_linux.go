// Withoutnetlink runs a command in which no netlink socket can be opened, as under some
// emulators and service managers: a seccomp(2) filter has socket(AF_NETLINK) return EPERM.
//
//	go test -exec 'go run github.com/dsrudp/go-dsrudp/internal/proof/withoutnetlink' ./...
package main

import (
	"log"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: withoutnetlink program [argument...]")
	}
	runtime.LockOSThread() // the filter is that of the thread which becomes the command
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	unless := func(value uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: skip, K: value}
	}
	filter := []unix.SockFilter{ // the number of the call is at 0 and its first argument at 16
		load(0), unless(unix.SYS_SOCKET, 3), load(16), unless(unix.AF_NETLINK, 1),
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		log.Fatal(os.NewSyscallError("prctl PR_SET_NO_NEW_PRIVS", err))
	}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
	runtime.KeepAlive(filter)
	if err != nil {
		log.Fatal(os.NewSyscallError("prctl PR_SET_SECCOMP", err))
	}
	if _, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE); err != unix.EPERM {
		log.Fatalf("a netlink socket is not refused with EPERM: %v", err)
	}
	log.Fatal(os.NewSyscallError("execve", unix.Exec(os.Args[1], os.Args[1:], os.Environ())))
}
