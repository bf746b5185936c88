//go:build linux

package echo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"syscall"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
)

// An option is one of setsockopt(2) that is set to 1 before bind.
type option struct{ level, name int }

var pktinfo = option{unix.IPPROTO_IP, unix.IP_PKTINFO}

// onNet returns a server of loop on each of its sockets.
func onNet(loop func(*net.UDPConn) error, options ...option) func(Spec) (*server, error) {
	return func(s Spec) (*server, error) {
		options := slices.Clone(options)
		if s.Sockets > 1 {
			options = append(options, option{unix.SOL_SOCKET, unix.SO_REUSEPORT})
		}
		srv := new(server)
		for range s.Sockets {
			c, err := listenNet(s.Network, srv.port, options)
			if err != nil {
				return nil, err
			}
			srv.port = c.LocalAddr().(*net.UDPAddr).Port
			srv.loops = append(srv.loops, func() error { return loop(c) })
		}
		return srv, nil
	}
}

func listenNet(network string, port int, options []option) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var errs []error
		err := c.Control(func(fd uintptr) {
			for _, o := range options {
				if err := unix.SetsockoptInt(int(fd), o.level, o.name, 1); err != nil {
					errs = append(errs, fmt.Errorf("option %d of level %d: %w", o.name, o.level, err))
				}
			}
		})
		return errors.Join(append(errs, err)...)
	}}
	pc, err := lc.ListenPacket(context.Background(), network, ":"+strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	c := pc.(*net.UDPConn)
	return c, c.SetReadBuffer(readBuffer)
}

func controlMessage(c *net.UDPConn) error {
	p := ipv4.NewPacketConn(c)
	if err := p.SetControlMessage(ipv4.FlagDst, true); err != nil {
		return err
	}
	return repeat(func(b []byte) error {
		n, cm, addr, err := p.ReadFrom(b)
		if err == nil {
			_, err = p.WriteTo(b[:n], &ipv4.ControlMessage{Src: cm.Dst}, addr)
		}
		return err
	})
}

func sessionUDP(c *net.UDPConn) error {
	return repeat(func(b []byte) error {
		n, s, err := dns.ReadFromSessionUDP(c, b)
		if err == nil {
			_, err = dns.WriteToSessionUDP(c, b[:n], s)
		}
		return err
	})
}

// xnetBatch sends the control messages that it received, which is as fast as
// x/net goes: its own Parse and Marshal allocate.
func xnetBatch(c *net.UDPConn) error {
	return batches(ipv4.NewPacketConn(c), func(m *ipv4.Message) {
		// Struct cmsghdr is 16 bytes long on 64-bit systems, and the index of
		// the interface comes first. It must not be sent back.
		const at = 16
		if len(m.OOB) >= at+4 {
			binary.NativeEndian.PutUint32(m.OOB[at:], 0)
		}
	})
}

// batches echoes in batches. Fix makes the control messages of one received
// message fit to be sent.
func batches[C interface {
	ReadBatch([]ipv4.Message, int) (int, error)
	WriteBatch([]ipv4.Message, int) (int, error)
}](c C, fix func(*ipv4.Message)) error {
	ms := make([]ipv4.Message, batchSize)
	bufs, oobs := make([][]byte, batchSize), make([][]byte, batchSize)
	for i := range ms {
		bufs[i], oobs[i] = make([]byte, batchBuffer), make([]byte, 96)
		ms[i].Buffers = make([][]byte, 1)
	}
	for n := batchSize; ; {
		for i := range ms[:n] {
			ms[i].Buffers[0], ms[i].OOB, ms[i].Addr = bufs[i], oobs[i], nil
		}
		var err error
		if n, err = c.ReadBatch(ms, 0); errors.Is(err, net.ErrClosed) {
			return nil
		} else if err != nil {
			n = batchSize
			continue
		}
		for i := range ms[:n] {
			m := &ms[i]
			m.Buffers[0], m.OOB = bufs[i][:m.N], oobs[i][:m.NN]
			fix(m)
		}
		for done := 0; done < n; {
			sent, err := c.WriteBatch(ms[done:n], 0)
			if errors.Is(err, net.ErrClosed) {
				return nil
			} else if err != nil {
				sent = 1 // the one that could not be sent
			}
			done += sent
		}
	}
}

// wireguard listens on both families by itself, and shares its port with
// nobody. It sends each datagram singly, and of those that GRO joined it keeps
// the source of the first alone.
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
		bufs[i] = make([]byte, maxDatagram) // what GRO joined must fit
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
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
	}
}
