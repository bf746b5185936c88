package localroute

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
)

// tables are those in use, one for each namespace.
var tables = struct {
	sync.Mutex
	m map[namespace]*Table
}{m: make(map[namespace]*Table)}

// A handle is what Close needs.
type handle struct {
	ns      namespace
	refs    int // guarded by tables
	asker   *asker
	watcher *os.File
}

// Open returns the Table of the network namespace that the socket fd belongs
// to, which need not be that of the process (systemd, SCM_RIGHTS). Each Open
// needs one [Table.Close]. fd is not kept.
//
// An error matches [ErrNamespace] if the namespace is another one and may not
// be entered, [ErrUnavailable] if something else failed (a seccomp filter may
// forbid AF_NETLINK), and errors.ErrUnsupported on systems other than Linux.
//
// Kernels before 5.14 do not tell a socket's namespace. There it is taken for
// the caller's.
func Open(fd uintptr) (*Table, error) {
	// Sockets are of the namespace of the thread that opens them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	tables.Lock()
	defer tables.Unlock()
	ns, err := namespaceOf(int(fd))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	t := tables.m[ns]
	if t == nil {
		s, err := openSocketsIn(ns, int(fd))
		if errors.Is(err, ErrNamespace) {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		t = start(s, ns)
		tables.m[ns] = t
	}
	t.handle.refs++
	return t, nil
}

// openSocketsIn opens a Table's sockets in ns, the namespace of the socket fd.
func openSocketsIn(ns namespace, fd int) (sockets, error) {
	s, err := openSockets()
	if err != nil {
		return s, err
	}
	here, err := namespaceOf(s.ask)
	if err == nil && here == ns {
		return s, nil
	}
	s.close()
	if err != nil {
		return sockets{}, err
	}
	return openSocketsOf(fd)
}

// start makes a Table of sockets. It is subscribed before the first question
// is asked, or an answer might have ended unnoticed.
func start(s sockets, ns namespace) *Table {
	asker := newAsker(s.ask)
	t := newTable(asker)
	t.handle = handle{ns: ns, asker: asker, watcher: os.NewFile(uintptr(s.watch), "netlink")}
	go t.watch(t.handle.watcher)
	return t
}

// Close gives back what one [Open] returned. The last one for a namespace ends
// the goroutine that reads notifications and closes the sockets; after it,
// Local fails with an error that matches os.ErrClosed.
func (t *Table) Close() error {
	tables.Lock()
	defer tables.Unlock()
	h := &t.handle
	if h.refs == 0 {
		return os.ErrClosed
	}
	if h.refs--; h.refs > 0 {
		return nil
	}
	delete(tables.m, h.ns)
	err := h.watcher.Close()
	h.asker.close()
	t.stop()
	return err
}
