//go:build linux

package echo

import (
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

func init() {
	servers["dsrudp ReadPackets"] = func(s Spec) (*server, error) {
		return on(s, dsrudp.ListenConfig{}, func(c *dsrudp.Conn) error { return readPackets(c, batchBuffer) })
	}
	servers["dsrudp ReadPackets, GRO"] = func(s Spec) (*server, error) {
		return on(s, dsrudp.ListenConfig{GRO: true}, func(c *dsrudp.Conn) error { return readPackets(c, maxDatagram) })
	}
	servers["dsrudp ReadBatch"] = func(s Spec) (*server, error) {
		return on(s, dsrudp.ListenConfig{}, func(c *dsrudp.Conn) error {
			// The address carries the path, and control messages need no care.
			return batches(c, func(m *ipv4.Message) { m.OOB = nil })
		})
	}
	servers["dsrudp AddrPort, read-ahead only"] = func(s Spec) (*server, error) {
		return on(s, dsrudp.ListenConfig{ReadAhead: readAhead}, func(c *dsrudp.Conn) error { return addrPort(c) })
	}
	// This one coalesces its writes, too.
	servers["dsrudp AddrPort, read-ahead"] = func(s Spec) (*server, error) {
		lc := dsrudp.ListenConfig{ReadAhead: readAhead, CoalesceWrites: true}
		return on(s, lc, func(c *dsrudp.Conn) error { return addrPort(c) })
	}
}

// readAhead is the number of datagrams to read ahead.
const readAhead = 32

func readPackets(c *dsrudp.Conn, size int) error {
	ps := make([]dsrudp.Packet, batchSize)
	for i := range ps {
		ps[i].Buf = make([]byte, size)
	}
	for {
		n, err := c.ReadPackets(ps)
		if err == nil {
			_, err = c.WritePackets(ps[:n])
		}
		if until(err) {
			return nil
		}
	}
}
