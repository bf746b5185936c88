//go:build linux

package echo

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// An option is one of setsockopt(2) that is set before bind.
type option struct{ level, name int }

// each listens with net on the sockets of s and makes a server of what loop
// makes of each.
func each(s Spec, loop func(*net.UDPConn) (func() error, error), options ...option) (*server, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		set := func(fd uintptr) {
			for _, o := range options {
				if err = unix.SetsockoptInt(int(fd), o.level, o.name, 1); err != nil {
					err = fmt.Errorf("option %d of level %d: %w", o.name, o.level, err)
					return
				}
			}
		}
		if e := c.Control(set); e != nil {
			return e
		}
		return err
	}}
	if s.Sockets > 1 {
		options = append(options, option{unix.SOL_SOCKET, unix.SO_REUSEPORT})
	}
	var srv server
	for range s.Sockets {
		pc, err := lc.ListenPacket(context.Background(), s.Network, ":"+strconv.Itoa(srv.port))
		if err != nil {
			return nil, err
		}
		c := pc.(*net.UDPConn)
		srv.port = c.LocalAddr().(*net.UDPAddr).Port
		if err := c.SetReadBuffer(readBuffer); err != nil {
			return nil, err
		}
		f, err := loop(c)
		if err != nil {
			return nil, err
		}
		srv.loops = append(srv.loops, f)
	}
	return &srv, nil
}
