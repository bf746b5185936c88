//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
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
	reader  *packetReader
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
		reader:  newPacketReader(),
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
	packets, err := c.reader.readAll(int(fd))
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
		// be told from others, which Close alone would not.
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
