//go:build linux

package load

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// A Generator generates one load after the other, and keeps its memory between
// them. It serves one goroutine.
type Generator struct {
	load Load
	// sockets are those of each server, by its port. A client keeps its port
	// from one load to the next: a server that remembers it has met it.
	sockets map[int][]unix.PollFd
	fds     []unix.PollFd

	vip, client [16]byte // the first ones
	addrLen     int

	sent, received  *batch
	sentLen, rcvLen int // of their buffers

	flows uint64 // begun so far; goes on from one load to the next
	inRun int    // datagrams or trains sent in the current flow
	seq   uint64

	count Result
	times []int64 // of round trips, in nanoseconds
}

// prepare makes the memory ready for l.
func (g *Generator) prepare(l Load) {
	g.load, g.count = l, Result{}
	// What is left of the last load's flow is not continued.
	g.inRun = 0
	g.flows++
	vip, client := vips4, clients4
	if l.IPv6 {
		vip, client = vips6.Addr(), clients6.Addr()
	}
	g.vip, g.addrLen = bytesOf(vip)
	g.client, _ = bytesOf(client)

	if n := l.Size * l.Train; g.sentLen != n {
		g.sent, g.sentLen = newBatch(n), n
	}
	n := 2048
	if l.Train > 1 {
		n = 1 << 16
	}
	if g.rcvLen != n {
		g.received, g.rcvLen = newBatch(n), n
	}
	for i := range g.sent.msgs {
		g.address(i)
	}
}

// address writes what message i has in common with every other one of a load.
func (g *Generator) address(i int) {
	name := &g.sent.names[i]
	*name = [len(name)]byte{}
	h := &g.sent.msgs[i].hdr
	family := uint16(unix.AF_INET)
	h.Namelen = unix.SizeofSockaddrInet4
	if g.load.IPv6 {
		family, h.Namelen = unix.AF_INET6, unix.SizeofSockaddrInet6
	}
	binary.NativeEndian.PutUint16(name[:], family)
	binary.BigEndian.PutUint16(name[2:], uint16(g.load.Port))
	g.sent.iovs[i].SetLen(g.load.Size * g.load.Train)

	c := g.sent.controlOf(i)
	if g.load.Clients > 1 {
		g.pktinfo(&c)
	}
	if g.load.Train > 1 {
		binary.NativeEndian.PutUint16(c.next(unix.IPPROTO_UDP, unix.UDP_SEGMENT, 2), uint16(g.load.Size))
	}
	g.sent.commit(i, c)
}

// pktinfo begins the control message that says which client sends, and returns
// where its address is.
func (g *Generator) pktinfo(c *control) []byte {
	if g.load.IPv6 {
		p := c.next(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
		clear(p)
		return p[:16]
	}
	p := c.next(unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
	clear(p)
	return p[4:8]
}

// fill writes the next n messages.
func (g *Generator) fill(n int) {
	at := 4 // of the address in a socket address
	if g.load.IPv6 {
		at = 8
	}
	for i := range n {
		if g.inRun == g.load.Flow {
			g.inRun = 0
			g.flows++
		}
		g.inRun++
		vip := g.sent.names[i][at : at+g.addrLen]
		copy(vip, g.vip[:])
		add(vip, nth(g.flows, g.load.VIPs))
		if g.load.Clients > 1 {
			c := g.sent.controlOf(i)
			client := g.pktinfo(&c)
			copy(client, g.client[:])
			add(client, nth(g.flows, g.load.Clients))
		}
		for buf := g.sent.bufs[i]; len(buf) > 0; buf = buf[g.load.Size:] {
			g.seq++
			putHeader(buf, vip, g.seq)
		}
	}
}

// send sends n messages and returns how many datagrams that made.
func (g *Generator) send(fd, n int) int {
	g.fill(n)
	return g.sent.send(fd, n) * g.load.Train
}

// receive takes what has come for a socket, checks it, and returns how many
// datagrams that were.
func (g *Generator) receive(fd int) (datagrams int) {
	for i := range g.received.receive(fd, maxBatch) {
		addr, port := g.received.source(i)
		b := g.received.bufs[i][:min(int(g.received.msgs[i].n), g.rcvLen)]
		for len(b) > 0 {
			n := min(g.load.Size, len(b))
			g.note(judge(b[:n], addr, port, uint16(g.load.Port)))
			b = b[n:]
			datagrams++
		}
	}
	return datagrams
}

func (g *Generator) note(v verdict) {
	g.count.note(v)
	g.count.All.note(v)
}

func (t *Tally) note(v verdict) {
	t.Replies++
	switch v {
	case wrongSource:
		t.WrongSource++
	case wrongPayload:
		t.WrongPayload++
	}
}
