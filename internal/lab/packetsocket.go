//go:build linux

package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// captureBuffer is the size of a capture's queue in the kernel, as far as the
// system allows.
const captureBuffer = 8 << 20

// packetSocket opens a socket, in the namespace of the calling thread, that
// receives a copy of every packet that crosses an interface.
func packetSocket(index int) (*os.File, error) {
	// Protocol 0 receives nothing yet: a socket that listened from here on
	// would first hear every interface.
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

// A packetReader reads from a packet socket.
type packetReader struct {
	frame   []byte
	control []byte
}

func newPacketReader() *packetReader {
	return &packetReader{
		frame:   make([]byte, 1<<17), // more than the largest packet and its headers
		control: make([]byte, 128),
	}
}

// readAll returns the packets in the queue, without those that a capture
// leaves out.
func (r *packetReader) readAll(fd int) ([]Packet, error) {
	var packets []Packet
	for {
		n, controlLen, flags, from, err := unix.Recvmsg(fd, r.frame, r.control, unix.MSG_DONTWAIT)
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
		p, ok := decode(append([]byte(nil), r.frame[:n]...))
		if !ok {
			continue
		}
		if p.Time, err = timestamp(r.control[:controlLen]); err != nil {
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
