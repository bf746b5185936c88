package dsrudp

import "syscall"

// ReadPackets receives datagrams into the buffers of ps, one for each Packet,
// and returns how many: as many as are there. If none is there it waits, and may then
// return with the first alone although others follow it, which the next call returns:
// where datagrams have been coming one at a time it does not look for another.
// It fills in the Packets and allocates nothing. Err is not nil only if n is 0.
//
// One call takes at most 32 datagrams with one system call; on other
// systems than Linux it takes one. A datagram that is longer than its buffer is cut, and
// Truncated tells; on Windows it is an error, as with net, and n is 0. With
// [ListenConfig.GRO] a buffer must have 64 KiB to hold a train.
func (c *Conn) ReadPackets(ps []Packet) (n int, err error) {
	if !c.ok() {
		return 0, syscall.EINVAL
	}
	if len(ps) == 0 {
		return 0, nil
	}
	if err := c.refusesBatches(); err != nil {
		return 0, c.readError(err)
	}
	r := c.receivers.Get().(*batchReceiver)
	defer c.receivers.Put(r)
	k := min(len(ps), maxBatch)
	for i := range ps[:k] {
		r.batch.SetBuffer(i, ps[i].Buf)
	}
	n, err = r.batch.Recv(k, 0)
	r.batch.Release(k)
	if err != nil {
		return 0, c.readError(err)
	}
	c.readPeers(r, n)
	for i := range ps[:n] {
		c.fillPacket(r, i, &ps[i])
	}
	return n, nil
}
