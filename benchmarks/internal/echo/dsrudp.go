//go:build linux

package echo

import (
	"context"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// on makes a server of what loop does on each Conn of s.
func on(s Spec, lc dsrudp.ListenConfig, loop func(*dsrudp.Conn) error) (*server, error) {
	cs, err := listen(s, lc)
	if err != nil {
		return nil, err
	}
	srv := serverOf(cs)
	for _, c := range cs {
		srv.loops = append(srv.loops, func() error { return loop(c) })
	}
	return srv, nil
}

// listen opens the Conns of s.
func listen(s Spec, lc dsrudp.ListenConfig) ([]*dsrudp.Conn, error) {
	lc.ReadBuffer = readBuffer
	lc.NoOffload, lc.PlainSyscalls = s.NoOffload, s.PlainSyscalls
	if s.Sockets > 1 {
		return lc.ListenN(context.Background(), s.Network, ":0", s.Sockets)
	}
	c, err := lc.ListenPacket(context.Background(), s.Network, ":0")
	return []*dsrudp.Conn{c}, err
}

func serverOf(cs []*dsrudp.Conn) *server {
	return &server{
		port: portOf(cs[0]),
		stats: func(st *Stats) {
			for _, c := range cs {
				s := c.Stats()
				st.PathEntries, st.PathBytes = s.PathEntries, s.PathBytes // of all
				st.Unknown += s.UnknownPath
				st.Refused += s.Refused
			}
		},
	}
}
