//go:build linux

package echo

import (
	"golang.zx2c4.com/wireguard/conn"
)

func init() { servers["wireguard-go StdNetBind"] = wireguard }

// wireguard listens on both families by itself, and shares its port with
// nobody. It answers each datagram as it came: it has no notion of a train, and
// forgets the source of all but the first of one.
func wireguard(Spec) (*server, error) {
	bind := conn.NewStdNetBind()
	receive, port, err := bind.Open(0)
	if err != nil {
		return nil, err
	}
	srv := &server{port: int(port)}
	for _, f := range receive {
		srv.loops = append(srv.loops, func() error { return wireguardLoop(bind, f) })
	}
	return srv, nil
}

func wireguardLoop(bind conn.Bind, receive conn.ReceiveFunc) error {
	n := bind.BatchSize()
	bufs, sizes, from := make([][]byte, n), make([]int, n), make([]conn.Endpoint, n)
	for i := range bufs {
		bufs[i] = make([]byte, maxDatagram) // a train must fit
	}
	one := make([][]byte, 1)
	for {
		n, err := receive(bufs, sizes, from)
		for i := range bufs[:n] {
			if sizes[i] > 0 && err == nil {
				one[0] = bufs[i][:sizes[i]]
				err = bind.Send(one, from[i])
			}
		}
		if until(err) {
			return nil
		}
	}
}
