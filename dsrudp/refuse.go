package dsrudp

import (
	"errors"
	"net"
)

// unsupported is an error of a Conn that cannot do something as it was made. It
// matches ErrNotSupported and errors.ErrUnsupported.
type unsupported string

func (e unsupported) Error() string { return string(e) }

func (unsupported) Is(target error) bool {
	return target == ErrNotSupported || target == errors.ErrUnsupported
}

const (
	errTrain      = unsupported("dsrudp: the Conn was made with ListenConfig.GRO, and this call would take a train of datagrams for one; use ReadPackets or a Server")
	errRaw        = unsupported("dsrudp: the Conn was made with ListenConfig.GRO or ReadAhead, and a read beside it would misread or miss datagrams; make it without")
	errServed     = unsupported("dsrudp: a Server reads this Conn, and this call would take datagrams away from it")
	errFlags      = unsupported("dsrudp: batches take no flags on this system; pass 0")
	errAheadBatch = unsupported("dsrudp: the Conn was made with ListenConfig.ReadAhead, which is for calls that read one datagram; make it without")
)

// refusesReads returns why the Conn cannot be read one datagram at a time.
func (c *Conn) refusesReads() error {
	if c.gro {
		return errTrain
	}
	return c.refusesServed()
}

// refusesBatches returns why the Conn cannot be read by ReadPackets or a Server.
func (c *Conn) refusesBatches() error {
	if c.ahead != nil {
		return errAheadBatch
	}
	return c.refusesServed()
}

func (c *Conn) refusesServed() error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	if c.served.Load() {
		return errServed
	}
	return nil
}
