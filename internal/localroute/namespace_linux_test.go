package localroute

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

func TestLastCloseLeavesNothing(t *testing.T) {
	fd := udpSocket(t)
	require.NoError(t, openTable(t, fd).Close())
	files, goroutines := descriptors(t), runtime.NumGoroutine()

	a := openTable(t, fd)
	b := openTable(t, udpSocket(t))
	require.Same(t, a, b)
	require.Equal(t, files+1+1, descriptors(t), "one socket for both, and the one of the test")
	require.NoError(t, a.Close())
	loopback := addr("127.0.0.1")
	requireLocal(t, b, loopback, true)
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	require.NoError(t, b.Close())
	require.Equal(t, files+1, descriptors(t))
	requireTicking(t, b, false)

	require.ErrorIs(t, b.Close(), os.ErrClosed)
	for range 2 { // not from memory either
		ok, err := b.Local(loopback, 0)
		require.False(t, ok)
		require.ErrorIs(t, err, os.ErrClosed)
		require.ErrorIs(t, err, ErrUnavailable)
	}

	again := openTable(t, fd)
	require.NotSame(t, b, again)
	require.ErrorIs(t, b.Close(), os.ErrClosed)
	require.Same(t, again, openTable(t, fd), "closing the old one does nothing to the new")
	requireLocal(t, again, loopback, true)
}

func TestPromise9_OpenCloseConcurrently(t *testing.T) {
	fd := udpSocket(t)
	_ = openTable(t, fd).Close()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				table, err := Open(fd)
				if err != nil {
					t.Error(err)
					return
				}
				ok, err := table.Local(addr("127.0.0.1"), 0)
				if err2 := table.Close(); !ok || err != nil || err2 != nil {
					t.Error(ok, err, err2)
				}
			}
		})
	}
	group.Wait()
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
	here.add(localRoute("2001:db8:a::/96"))
	there.add(localRoute("2001:db8:b::/96"))

	tableHere := openTable(t, hereFD)
	files := descriptors(t)
	tableThere := openTable(t, thereFD)
	require.Equal(t, files+1, descriptors(t))
	require.NotSame(t, tableHere, tableThere)
	require.Same(t, tableThere, openTable(t, thereFD))
	for _, received := range []bool{false, true, false} {
		for a, want := range map[string]bool{"2001:db8:a::1": true, "2001:db8:b::1": false} {
			requireKnown(t, tableHere, addr(a), lo, received, want)
			requireKnown(t, tableThere, addr(a), lo, received, !want)
		}
	}
	require.Equal(t, before, process())
}

// What must not be entered is refused, not asked about in the wrong place.
func TestForbiddenNamespace(t *testing.T) {
	const stage, adopted = "LOCALROUTE_TEST_ADOPTED", 3
	if os.Getenv(stage) != "" {
		before := descriptors(t)
		_, err := Open(adopted)
		require.ErrorIs(t, err, ErrUnavailable)
		require.ErrorIs(t, err, unix.EPERM)
		require.ErrorContains(t, err, "another network namespace")
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
		onThrowawayThread(func() { // a new process is like the thread that starts it
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
		onThrowawayThread(func() { first = unix.Gettid() == unix.Getpid() })
		require.False(t, first)
	}
}

func TestNoSocket(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	_, err = Open(r.Fd())
	require.ErrorIs(t, err, unix.ENOTSOCK)
	require.ErrorIs(t, err, ErrUnavailable)
	_, err = Open(^uintptr(0))
	require.ErrorIs(t, err, unix.EBADF)
	require.ErrorIs(t, err, ErrUnavailable)
}

// Where no netlink socket is to be had, Open says so and keeps nothing.
func TestNetlinkDenied(t *testing.T) {
	if !inNamespace(t) { // for a process of its own
		return
	}
	fd := udpSocket(t)
	files := descriptors(t)
	free, err := unix.Dup(int(fd)) // the lowest there is
	require.NoError(t, err)
	require.NoError(t, unix.Close(free))
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	limit := unix.Rlimit{Cur: uint64(free), Max: before.Max}
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	for range 3 {
		_, err := Open(fd)
		require.ErrorIs(t, err, unix.EMFILE)
		require.ErrorIs(t, err, ErrUnavailable)
	}
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
	require.Equal(t, files, descriptors(t))
	openTable(t, fd)
}

// Kernels before 5.14 do not say which namespace a socket belongs to, nor do emulators.
func TestT23_WithoutCookies(t *testing.T) {
	before, cause := socketCookie, error(nil)
	socketCookie = func(int) (uint64, error) { return 0, cause }
	defer func() { socketCookie = before }()
	for _, cause = range []error{unix.ENOPROTOOPT, unix.EINVAL} {
		table := openTable(t, udpSocket(t))
		require.Same(t, table, openTable(t, udpSocket(t)))
		requireLocal(t, table, addr("127.0.0.1"), true)
		requireLocal(t, table, addr("2001:db8:dead::beef"), false)
	}

	cause = unix.EPERM
	_, err := Open(udpSocket(t))
	require.ErrorIs(t, err, unix.EPERM)
	require.ErrorIs(t, err, ErrUnavailable)
}
