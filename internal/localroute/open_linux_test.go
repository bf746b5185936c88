package localroute_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/localroute"
)

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

func TestLastCloseLeavesNothing(t *testing.T) {
	fd := udpSocket(t)
	first, err := localroute.Open(fd) // the runtime's poller opens descriptors for good
	require.NoError(t, err)
	require.NoError(t, first.Close())
	files, goroutines := descriptors(t), runtime.NumGoroutine()

	a, err := localroute.Open(fd)
	require.NoError(t, err)
	b, err := localroute.Open(udpSocket(t))
	require.NoError(t, err)
	require.Same(t, a, b)
	require.Equal(t, files+2+1, descriptors(t), "two sockets for both, and the one of the test")
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines+1)

	require.NoError(t, a.Close())
	requireLocal(t, b, nil, addr("127.0.0.1"), true)
	require.NoError(t, b.Close())
	require.Equal(t, files+1, descriptors(t))
	requireSoon(t, func() bool { return runtime.NumGoroutine() <= goroutines }, "the goroutine ends")

	require.ErrorIs(t, b.Close(), os.ErrClosed)
	for range 2 {
		ok, err := b.Local(nil, addr("127.0.0.1"), 0)
		require.False(t, ok)
		require.ErrorIs(t, err, os.ErrClosed)
		require.ErrorIs(t, err, localroute.ErrUnavailable)
	}

	again, err := localroute.Open(fd)
	require.NoError(t, err)
	require.NotSame(t, b, again)
	require.ErrorIs(t, b.Close(), os.ErrClosed)
	require.Same(t, again, open(t, fd), "closing the old one does nothing to the new")
	requireLocal(t, again, nil, addr("127.0.0.1"), true)
	require.NoError(t, again.Close())
}

// A closed Table does not answer from memory.
func TestClosedTableForgets(t *testing.T) {
	table, err := localroute.Open(udpSocket(t))
	require.NoError(t, err)
	var m localroute.Memo
	requireLocal(t, table, &m, addr("127.0.0.1"), true)
	table.Received(&m, vip, 0)
	requireLocal(t, table, &m, vip, true)
	require.NoError(t, table.Close())
	for _, a := range []string{"127.0.0.1", vip.String()} {
		_, err = table.Local(&m, addr(a), 0)
		require.ErrorIs(t, err, os.ErrClosed)
	}
}

func TestOpenCloseConcurrently(t *testing.T) {
	fd := udpSocket(t)
	var group sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		group.Go(func() {
			var err error
			for range 50 {
				table, e := localroute.Open(fd)
				if e != nil {
					errs <- e
					return
				}
				ok, e := table.Local(nil, addr("127.0.0.1"), 0)
				if !ok && e == nil {
					e = errors.New("127.0.0.1 is not local")
				}
				err = errors.Join(err, e, table.Close())
			}
			errs <- err
		})
	}
	group.Wait()
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
}

// A socket may have been adopted from another namespace than the process's.
func TestTwoNamespaces(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	process := func() string {
		s, err := os.Readlink("/proc/self/ns/net") // of the process's first thread
		require.NoError(t, err)
		return s
	}
	before := process()
	hereFD, here := udpSocket(t), newConfig(t)
	thereFD, there := elsewhere(t)
	here.add(localRoute(prefix("2001:db8:a::/96"), lo))
	there.add(localRoute(prefix("2001:db8:b::/96"), lo))

	tableHere := open(t, hereFD)
	files := descriptors(t)
	tableThere := open(t, thereFD)
	require.Equal(t, files+2, descriptors(t))
	require.NotSame(t, tableHere, tableThere)
	require.Same(t, tableThere, open(t, thereFD))
	var m localroute.Memo
	for range 2 {
		requireLocal(t, tableHere, &m, addr("2001:db8:a::1"), true)
		requireLocal(t, tableHere, &m, addr("2001:db8:b::1"), false)
		requireLocal(t, tableThere, &m, addr("2001:db8:a::1"), false)
		requireLocal(t, tableThere, &m, addr("2001:db8:b::1"), true)
	}

	there.del(localRoute(prefix("2001:db8:b::/96"), lo))
	requireSoon(t, func() bool { return !isLocal(tableThere, nil, addr("2001:db8:b::1")) }, "withdrawn there")
	requireLocal(t, tableHere, nil, addr("2001:db8:a::1"), true)
	require.Equal(t, before, process())
}

// What must not be entered is refused, not asked about in the wrong place.
func TestForbiddenNamespace(t *testing.T) {
	const stage, adopted = "LOCALROUTE_TEST_ADOPTED", 3
	if os.Getenv(stage) != "" {
		before := descriptors(t)
		_, err := localroute.Open(adopted)
		require.ErrorIs(t, err, localroute.ErrNamespace)
		require.ErrorIs(t, err, unix.EPERM)
		require.NotErrorIs(t, err, localroute.ErrUnavailable)
		require.Equal(t, before, descriptors(t))
		return
	}
	if !inNamespace(t) {
		return
	}
	for _, capability := range []uintptr{unix.CAP_NET_ADMIN, unix.CAP_SYS_ADMIN} {
		fd, _ := elsewhere(t)
		dup, err := unix.Dup(int(fd))
		require.NoError(t, err)
		file := os.NewFile(uintptr(dup), "udp of another namespace")
		defer file.Close()
		var output bytes.Buffer
		cmd := exec.Command(os.Args[0], "-test.run=^TestForbiddenNamespace$", "-test.v")
		cmd.Env = append(os.Environ(), stage+"=1")
		cmd.ExtraFiles = []*os.File{file}
		cmd.Stdout, cmd.Stderr = &output, &output
		localroute.OnThrowawayThread(func() { // a new process is like the thread that starts it
			if err = unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err == nil {
				err = cmd.Start()
			}
		})
		require.NoError(t, err)
		require.NoError(t, cmd.Wait(), output.String())
		require.Contains(t, output.String(), "--- PASS: TestForbiddenNamespace")
	}
}

// The first thread cannot end, and must not be left in another namespace.
func TestThrowawayThreadIsNeverTheFirst(t *testing.T) {
	for range 300 {
		first := true
		localroute.OnThrowawayThread(func() { first = unix.Gettid() == unix.Getpid() })
		require.False(t, first)
	}
}

func TestNoSocket(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	_, err = localroute.Open(r.Fd())
	require.ErrorIs(t, err, unix.ENOTSOCK)
	require.ErrorIs(t, err, localroute.ErrUnavailable)
	_, err = localroute.Open(^uintptr(0))
	require.ErrorIs(t, err, unix.EBADF)
	require.ErrorIs(t, err, localroute.ErrUnavailable)
}

// Whichever of the sockets it is that cannot be had, Open says so and keeps none.
func TestNoNetlink(t *testing.T) {
	if !inNamespace(t) { // for a process of its own
		return
	}
	fd := udpSocket(t)
	table, err := localroute.Open(fd) // the runtime's poller opens descriptors for good
	require.NoError(t, err)
	require.NoError(t, table.Close())

	files := descriptors(t)
	free, err := unix.Dup(int(fd)) // the lowest there is
	require.NoError(t, err)
	require.NoError(t, unix.Close(free))
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	for spare := range 2 {
		limit := unix.Rlimit{Cur: uint64(free + spare), Max: before.Max}
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
		for range 3 {
			_, err := localroute.Open(fd)
			require.ErrorIs(t, err, unix.EMFILE)
			require.ErrorIs(t, err, localroute.ErrUnavailable)
		}
	}
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
	require.Equal(t, files, descriptors(t))
	open(t, fd)
}

// Kernels before 5.14 do not tell which namespace a socket is of.
func TestWithoutCookies(t *testing.T) {
	defer localroute.WithoutCookies(unix.ENOPROTOOPT)()
	table := open(t, udpSocket(t))
	require.Same(t, table, open(t, udpSocket(t)))
	requireLocal(t, table, nil, addr("127.0.0.1"), true)
	requireLocal(t, table, nil, addr("2001:db8:dead::beef"), false)

	localroute.WithoutCookies(unix.EPERM)
	_, err := localroute.Open(udpSocket(t))
	require.ErrorIs(t, err, unix.EPERM)
	require.ErrorIs(t, err, localroute.ErrUnavailable)
}
