//go:build linux

package echo

import (
	"encoding/binary"
	"net"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

func init() {
	servers["x/net ControlMessage"] = func(s Spec) (*server, error) {
		return each(s, func(c *net.UDPConn) (func() error, error) {
			p := ipv4.NewPacketConn(c)
			return func() error { return controlMessage(p) }, p.SetControlMessage(ipv4.FlagDst, true)
		})
	}
	servers["x/net ReadBatch"] = func(s Spec) (*server, error) {
		return each(s, func(c *net.UDPConn) (func() error, error) {
			return func() error { return xnetBatch(ipv4.NewPacketConn(c)) }, nil
		}, option{unix.IPPROTO_IP, unix.IP_PKTINFO})
	}
}

func controlMessage(p *ipv4.PacketConn) error {
	b := make([]byte, maxDatagram)
	for {
		n, cm, addr, err := p.ReadFrom(b)
		if err == nil {
			_, err = p.WriteTo(b[:n], &ipv4.ControlMessage{Src: cm.Dst}, addr)
		}
		if until(err) {
			return nil
		}
	}
}

// A batchConn receives and sends in x/net's way.
type batchConn interface {
	ReadBatch([]ipv4.Message, int) (int, error)
	WriteBatch([]ipv4.Message, int) (int, error)
}

// xnetBatch sends the control messages that it received, which is as fast as
// x/net goes: its own Parse and Marshal allocate.
func xnetBatch(p batchConn) error {
	return batches(p, func(m *ipv4.Message) {
		// Struct cmsghdr is 16 bytes long on 64-bit systems, and the index of
		// the interface comes first. It must not be sent back.
		const at = 16
		if len(m.OOB) >= at+4 {
			binary.NativeEndian.PutUint32(m.OOB[at:], 0)
		}
	})
}

// batches echoes by the batch. Fix makes the control messages of one message
// fit to be sent.
func batches(p batchConn, fix func(*ipv4.Message)) error {
	ms := make([]ipv4.Message, batchSize)
	bufs, oobs := make([][]byte, batchSize), make([][]byte, batchSize)
	for i := range ms {
		bufs[i], oobs[i] = make([]byte, batchBuffer), make([]byte, 96)
		ms[i].Buffers = make([][]byte, 1)
	}
	n := batchSize
	for {
		for i := range ms[:n] {
			ms[i].Buffers[0], ms[i].OOB, ms[i].Addr = bufs[i], oobs[i], nil
		}
		var err error
		if n, err = p.ReadBatch(ms, 0); err != nil {
			if until(err) {
				return nil
			}
			n = batchSize
			continue
		}
		for i := range ms[:n] {
			m := &ms[i]
			m.Buffers[0], m.OOB = bufs[i][:m.N], oobs[i][:m.NN]
			fix(m)
		}
		for done := 0; done < n; {
			sent, err := p.WriteBatch(ms[done:n], 0)
			if err != nil {
				if until(err) {
					return nil
				}
				sent = 1 // the one that could not be sent
			}
			done += sent
		}
	}
}
