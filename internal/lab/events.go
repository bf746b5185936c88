//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// events is a subscription to what the kernel announces of a namespace's
// interfaces, IPv6 addresses and IPv6 routes. Only that something happened is
// of interest, never what.
type events struct {
	file *os.File
	conn syscall.RawConn
}

// subscribe opens a subscription to the namespace of the calling thread.
func subscribe() (*events, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV6_ROUTE)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	e := &events{file: os.NewFile(uintptr(fd), "rtnetlink")}
	if e.conn, err = e.file.SyscallConn(); err != nil {
		e.file.Close()
		return nil, err
	}
	return e, nil
}

func (e *events) Close() error { return e.file.Close() }

// wait returns when something was announced since the last call, or with
// [os.ErrDeadlineExceeded].
func (e *events) wait(deadline time.Time) error {
	if err := e.file.SetReadDeadline(deadline); err != nil {
		return err
	}
	var buf [4096]byte
	heard := false
	var failed error
	err := e.conn.Read(func(fd uintptr) bool {
		for {
			_, err := unix.Read(int(fd), buf[:])
			switch err {
			case nil, unix.ENOBUFS: // a full buffer too says that something happened
				heard = true
			case unix.EINTR:
			case unix.EAGAIN:
				return heard
			default:
				failed = os.NewSyscallError("read", err)
				return true
			}
		}
	})
	return errors.Join(err, failed)
}

// settleTimeout bounds the wait for something that takes the kernel less than
// a millisecond on an idle machine.
const settleTimeout = 10 * time.Second

// await returns when ready is true. It asks again after each announcement, so
// that it neither sleeps nor polls.
func (h *Host) await(what string, ready func() (bool, error)) error {
	h.settling.Lock()
	defer h.settling.Unlock()
	deadline := time.Now().Add(settleTimeout)
	for {
		ok, err := ready()
		if err != nil || ok {
			return err
		}
		if err := h.events.wait(deadline); err != nil {
			return fmt.Errorf("lab: waiting on %s for %s: %w", h.Name, what, err)
		}
	}
}
