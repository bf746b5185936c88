//go:build linux

package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Capture records the UDP and ICMP packets that one interface of a host
// receives and sends, as tcpdump does. Its methods may be called from several
// goroutines.
type Capture struct {
	name string // interface and host, for errors
	file *os.File
	conn syscall.RawConn
	done chan struct{} // closed when the recorder has ended
	stop sync.Once

	mu      sync.Mutex
	frame   []byte // the memory of one read, and of its control messages
	control []byte
	packets []Packet
	changed chan struct{} // closed, and replaced, whenever packets has grown
	err     error         // why the record has a gap
}

// Capture starts to record what crosses the interface dev. The caller must
// call Stop.
//
// Every packet that crosses the interface from now until Stop is called is in
// the record. The kernel notes a packet before it hands it to a socket, so
// that an application's datagram is there once the application has it, or has
// sent it. What the kernel does in its own time, such as answering with an
// ICMP error, is to be had by WaitFor.
func (h *Host) Capture(dev string) (*Capture, error) {
	c := &Capture{
		name:    fmt.Sprintf("%s of %s", dev, h.Name),
		done:    make(chan struct{}),
		frame:   make([]byte, 1<<17), // more than the largest packet and its headers
		control: make([]byte, 128),
		changed: make(chan struct{}),
	}
	index, err := h.Index(dev)
	if err != nil {
		return nil, err
	}
	err = h.Do(func() (err error) {
		c.file, err = packetSocket(index)
		return err
	})
	if err == nil {
		c.conn, err = c.file.SyscallConn()
	}
	if err != nil {
		return nil, fmt.Errorf("lab: capturing on %s: %w", c.name, err)
	}
	go c.record()
	return c, nil
}

// record reads packets as they come, for the queue in the kernel is short,
// until Stop sets a deadline.
func (c *Capture) record() {
	defer close(c.done)
	err := c.conn.Read(func(fd uintptr) (done bool) { return c.read(fd) != nil })
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.fail(err)
	}
}

// read moves what is in the kernel's queue to the record.
func (c *Capture) read(fd uintptr) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	packets, err := c.readAll(int(fd))
	c.err = errors.Join(c.err, err)
	if len(packets) > 0 {
		c.packets = append(c.packets, packets...)
		close(c.changed)
		c.changed = make(chan struct{})
	}
	return err
}

func (c *Capture) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = errors.Join(c.err, err)
}

// Packets returns what has crossed the interface up to now, in order. The
// slice is the caller's; what its elements point to must not be changed.
func (c *Capture) Packets() []Packet {
	// After Stop there is no descriptor to read from, and no need.
	_ = c.conn.Control(func(fd uintptr) { c.read(fd) })
	packets, _ := c.since(0)
	return packets
}

// since returns the packets recorded after the first n, and a channel that is
// closed when there are more.
func (c *Capture) since(n int) ([]Packet, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.packets[n:]), c.changed
}

// WaitFor returns the first packet of the record for which match is true, and
// waits for it if need be. It gives up when ctx ends or the capture does.
func (c *Capture) WaitFor(ctx context.Context, match func(Packet) bool) (Packet, error) {
	seen := 0
	for {
		ended := false
		select {
		case <-c.done:
			ended = true
		default:
		}
		packets, more := c.since(seen) // after the look at done: all there is, if ended
		if i := slices.IndexFunc(packets, match); i >= 0 {
			return packets[i], nil
		}
		seen += len(packets)
		if ended {
			return Packet{}, fmt.Errorf("lab: no such packet among %d captured on %s", seen, c.name)
		}
		select {
		case <-more:
		case <-c.done:
		case <-ctx.Done():
			return Packet{}, fmt.Errorf("lab: waiting for a packet on %s, after %d others: %w", c.name, seen, context.Cause(ctx))
		}
	}
}

// Stop ends the capture and returns the whole record. An error says that it
// has a gap: the kernel had to drop packets because they came faster than they
// could be read. Another call returns the same.
func (c *Capture) Stop() ([]Packet, error) {
	c.stop.Do(func() {
		err := c.conn.Control(func(fd uintptr) {
			c.read(fd)
			c.fail(dropCount(int(fd)))
		})
		// A deadline that has passed ends the recorder with an error that can
		// be distinguished, which Close alone would not.
		err = errors.Join(err, c.file.SetReadDeadline(time.Unix(1, 0)))
		if err == nil {
			<-c.done
		}
		c.fail(errors.Join(err, c.file.Close()))
		<-c.done
	})
	packets, _ := c.since(0)
	if c.err != nil {
		return packets, fmt.Errorf("lab: capture on %s: %w", c.name, c.err)
	}
	return packets, nil
}

// captureBuffer is the size of a capture's queue in the kernel, as far as the
// system allows.
const captureBuffer = 8 << 20

// packetSocket opens a socket, in the namespace of the calling thread, that
// receives a copy of every packet that crosses an interface.
func packetSocket(index int) (*os.File, error) {
	// Protocol 0 receives nothing yet: a socket that listened from here on
	// would at first receive from every interface.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := startCapture(fd, index); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "packets"), nil
}

func startCapture(fd, index int) error {
	// The first needs power over the machine, not only over the namespace.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, captureBuffer) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, captureBuffer); err != nil {
			return os.NewSyscallError("setsockopt SO_RCVBUF", err)
		}
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return os.NewSyscallError("setsockopt SO_TIMESTAMPNS", err)
	}
	// Of all protocols, because a socket for one of them is not given what the
	// host itself sends.
	all := binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL)
	err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16(all), Ifindex: index})
	return os.NewSyscallError("bind", err)
}

// readAll returns the packets in the queue, without those that a capture
// leaves out.
func (c *Capture) readAll(fd int) ([]Packet, error) {
	var packets []Packet
	for {
		n, controlLen, flags, from, err := unix.Recvmsg(fd, c.frame, c.control, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN:
			return packets, nil
		case err == unix.EINTR || err == unix.ENETDOWN:
			continue // the interface went down; when it is up again there is more
		case err != nil:
			return packets, os.NewSyscallError("recvmsg", err)
		case flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0:
			return packets, fmt.Errorf("a packet was cut short (flags %#x)", flags)
		}
		p, ok := decode(append([]byte(nil), c.frame[:n]...))
		if !ok {
			continue
		}
		if p.Time, err = timestamp(c.control[:controlLen]); err != nil {
			return packets, err
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		p.Outgoing = ok && link.Pkttype == unix.PACKET_OUTGOING
		packets = append(packets, p)
	}
}

// timestamp returns the time in a control message of type SCM_TIMESTAMPNS.
func timestamp(control []byte) (time.Time, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}, fmt.Errorf("control messages of a packet: %w", err)
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SO_TIMESTAMPNS {
			continue
		}
		var ts unix.Timespec
		if _, err := binary.Decode(m.Data, binary.NativeEndian, &ts); err != nil {
			return time.Time{}, fmt.Errorf("time of a packet: %w", err)
		}
		return time.Unix(ts.Unix()).UTC(), nil
	}
	return time.Time{}, errors.New("a packet came without the time")
}

// dropCount returns an error if packets were dropped for want of room.
func dropCount(fd int) error {
	stats, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return os.NewSyscallError("getsockopt PACKET_STATISTICS", err)
	}
	if stats.Drops > 0 {
		return fmt.Errorf("%d packets were dropped, and %d seen", stats.Drops, stats.Packets)
	}
	return nil
}
