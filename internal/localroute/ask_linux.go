package localroute

import (
	"cmp"
	"errors"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// An asker puts questions to the kernel through one netlink socket, which is
// not blocking: the kernel answers within the call that sends the request, and
// prepares the next part of a dump within the one that reads the last.
type asker struct {
	strict bool // the socket has NETLINK_GET_STRICT_CHK

	mu  sync.Mutex
	fd  int // -1 when closed
	seq uint32
	buf []byte
}

func newAsker(fd int) *asker {
	err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	// No single message on this socket is longer; the kernel makes parts of a
	// dump as long as the buffers it is read with, up to this size.
	return &asker{fd: fd, strict: err == nil, buf: make([]byte, 32<<10)}
}

func (q *asker) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	unix.Close(q.fd)
	q.fd = -1
}

func (q *asker) route(a netip.Addr, ifindex uint32) (r route, err error) {
	err = q.ask(func(seq uint32) []byte {
		return appendRouteGet(q.buf[:0], seq, a, ifindex)
	}, func(b []byte, seq uint32) (done bool, err error) {
		r, done, err = parseReply(b, seq, a)
		return done, err
	})
	return r, err
}

func (q *asker) solid(p netip.Prefix) bool {
	if !q.strict {
		return false
	}
	var hole bool
	err := q.ask(func(seq uint32) []byte {
		hole = false
		return appendLocalDump(q.buf[:0], seq, p.Addr())
	}, func(b []byte, seq uint32) (bool, error) {
		h, done, err := parseDump(b, seq, p)
		hole = hole || h
		return done, err
	})
	return err == nil && !hole
}

// errSilent says that there was no answer where one should have been.
var errSilent = errors.New("the kernel did not answer")

// ask sends a request and reads until the answer is done. It tries again when
// the kernel had no room for the answer, which it says once and then is silent
// until all is read, or when it answered about a moving thing.
func (q *asker) ask(request func(seq uint32) []byte, answer func(b []byte, seq uint32) (bool, error)) (err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fd < 0 {
		return os.ErrClosed
	}
	for range 3 {
		q.seq++
		if err = q.send(request(q.seq)); err == nil {
			err = q.receive(answer)
		}
		if !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, errSilent) && !errors.Is(err, errInterrupted) {
			return err
		}
	}
	return err
}

func (q *asker) send(b []byte) error {
	for {
		_, err := unix.Write(q.fd, b)
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("write", err)
		}
	}
}

// receive reads to the end of the answer even if a part of it is in error: a
// dump that is not read to its end has the next one refused.
func (q *asker) receive(answer func(b []byte, seq uint32) (bool, error)) error {
	var failed error
	for {
		n, err := unix.Read(q.fd, q.buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN) && failed == nil:
			return errSilent
		case err != nil:
			return cmp.Or(failed, os.NewSyscallError("read", err))
		}
		done, err := answer(q.buf[:n], q.seq)
		failed = cmp.Or(failed, err)
		if done {
			return failed
		}
	}
}
