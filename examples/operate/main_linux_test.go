package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) { labtest.ProgramMain(m, main, nil) }

// patience bounds every wait for an event: it is reached only when a test fails.
const patience = 10 * time.Second

var rate = flag.Int("rate", 0, "`number` of requests in a second during restarts, and 0 for as fast as they are answered")

// A service is the program, in one process after the other.
type service struct {
	log     *bufio.Scanner
	pidFile string
	address string // of its metrics
	port    uint16
	ending  bool
}

// start starts the program, by itself or with sockets that systemd made. It is ended in good
// order with the test.
func start(t *testing.T, passed ...*net.UDPConn) *service {
	t.Helper()
	s := &service{pidFile: filepath.Join(t.TempDir(), "pid")}
	cmd := labtest.Program(t, "-listen", ":0", "-readers", "2", "-metrics", "127.0.0.1:0", "-pid-file", s.pidFile)
	cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0") // not a second for each process
	if len(passed) > 0 {
		// The variable LISTEN_PID names the process itself.
		cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
		cmd.Path, cmd.Err = exec.LookPath("sh")
		cmd.Env = append(cmd.Env, fmt.Sprint("LISTEN_FDS=", len(passed)))
		for _, u := range passed {
			f, err := u.File()
			require.NoError(t, err)
			defer f.Close()
			cmd.ExtraFiles = append(cmd.ExtraFiles, f)
			require.NoError(t, u.Close())
		}
	}
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, stderr.(*os.File).SetReadDeadline(time.Now().Add(6*patience)))
	cmd.Cancel = func() error { return os.ErrProcessDone } // the clean-up ends the service
	require.NoError(t, cmd.Start())
	s.log = bufio.NewScanner(stderr)
	require.True(t, s.log.Scan(), s.log.Err())
	s.listening(t)
	t.Cleanup(func() {
		if !s.ending {
			s.signal(t, syscall.SIGTERM)
		}
		require.True(t, s.log.Scan(), s.log.Err())
		require.Contains(t, s.log.Text(), "draining; a second signal ends the process at once")
		require.False(t, s.log.Scan(), "%s", s.log.Text()) // no process is left, none said what went wrong
		require.NoError(t, s.log.Err())
		require.NoError(t, cmd.Wait())
	})
	return s
}

// listening checks that the line of the log says that a process is listening, at the
// addresses of the one before.
func (s *service) listening(t *testing.T) {
	t.Helper()
	m := regexp.MustCompile(`msg=listening pid=\d+ address=(\S+) sockets=2 metrics=(\S+)$`).FindStringSubmatch(s.log.Text())
	require.NotNil(t, m, s.log.Text())
	port := netip.MustParseAddrPort(m[1]).Port()
	if s.port != 0 {
		require.Equal(t, s.port, port)
		require.Equal(t, s.address, m[2])
	}
	s.port, s.address = port, m[2]
}

// signal sends a signal to the process that is ready, and returns its number.
func (s *service) signal(t *testing.T, signal syscall.Signal) (pid int) {
	t.Helper()
	b, err := os.ReadFile(s.pidFile)
	require.NoError(t, err)
	pid, err = strconv.Atoi(string(b))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, signal))
	return pid
}

// restart has another process follow.
func (s *service) restart(t *testing.T) {
	t.Helper()
	// Tableflip refuses a moment longer than its WaitForParent waits.
	before, refused := 0, true
	for refused {
		before = s.signal(t, syscall.SIGHUP)
		require.True(t, s.log.Scan(), s.log.Err())
		refused = strings.Contains(s.log.Text(), "parent hasn't exited")
	}
	s.listening(t)
	require.NotContains(t, s.log.Text(), fmt.Sprintf("pid=%d ", before))
}

// metric returns the sum of a metric over its labels.
func (s *service) metric(t *testing.T, name string) (sum float64) {
	t.Helper()
	// A connection of its own: the next one may be accepted by another process.
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + s.address + "/metrics")
	require.NoError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	samples := regexp.MustCompile(`(?m)^`+name+`(?:\{.*\})? (\S+)$`).FindAllSubmatch(body, -1)
	require.NotEmpty(t, samples, "%s in %s", name, body)
	for _, m := range samples {
		v, err := strconv.ParseFloat(string(m[1]), 64)
		require.NoError(t, err)
		sum += v
	}
	return sum
}

// Restarts lose none of the requests that are in flight, of which each client has one at
// most, and no answer is of another request or from another address than was asked. Each
// process has the sockets of the one before, with the same options.
func TestRestart(t *testing.T) {
	for _, test := range []struct {
		name     string
		passed   []*net.UDPConn
		restarts int
	}{{"own sockets", nil, 5}, {"systemd's", systemd(t), 1}} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, test.passed...)
			const clients = 64
			var answered atomic.Int64
			var stop atomic.Bool
			var asking sync.WaitGroup
			errs := make([]error, clients)
			for i := range clients {
				vip := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + i%2)}), s.port)
				c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(vip))
				require.NoError(t, err)
				defer c.Close()
				asking.Go(func() { errs[i] = ask(c, &answered, &stop, clients) })
			}
			awaitAnswers := func() {
				until := answered.Load() + max(1000, int64(*rate))
				require.Eventually(t, func() bool { return answered.Load() >= until }, patience, time.Millisecond)
			}
			began := time.Now()
			for range test.restarts {
				awaitAnswers()
				s.restart(t)
			}
			awaitAnswers()
			stop.Store(true)
			asking.Wait()
			for _, err := range errs {
				require.NoError(t, err)
			}
			t.Logf("%d requests, all answered: %.0f in a second", answered.Load(), float64(answered.Load())/time.Since(began).Seconds())
			require.NotZero(t, s.metric(t, "dsrudp_received_datagrams_total"))
			require.Zero(t, s.metric(t, "dsrudp_path_memory_entries"), "the option PathMemory")
			require.Zero(t, s.metric(t, "dsrudp_dropped_total"))
		})
	}
}

// What is queued when the program is to end is answered.
func TestEnd(t *testing.T) {
	s := start(t)
	clients := make([]*net.UDPConn, 64)
	for i := range clients {
		c, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: int(s.port)})
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
		clients[i] = c
	}
	pid := s.signal(t, syscall.SIGSTOP)
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && strings.Contains(string(stat), ") T ")
	}, patience, time.Millisecond)
	const each = 3
	for _, c := range clients {
		for i := range each {
			_, err := fmt.Fprint(c, i)
			require.NoError(t, err)
		}
	}
	s.signal(t, syscall.SIGTERM)
	s.ending = true
	s.signal(t, syscall.SIGCONT)
	buf := make([]byte, 100)
	for _, c := range clients {
		for i := range each {
			n, err := c.Read(buf)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint("ECHO: ", i), string(buf[:n]))
		}
	}
}

// systemd returns two sockets as a socket unit makes them, with a port of their own.
func systemd(t *testing.T) (sockets []*net.UDPConn) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, 0xf, 1) })
	}}
	address := ":0"
	for range 2 {
		c, err := config.ListenPacket(t.Context(), "udp", address)
		require.NoError(t, err)
		sockets = append(sockets, c.(*net.UDPConn))
		address = c.LocalAddr().String()
	}
	return sockets
}

// ask sends requests by c, one after the other, until stop is set or an answer is missing.
func ask(c *net.UDPConn, answered *atomic.Int64, stop *atomic.Bool, clients int) error {
	buf := make([]byte, 1000)
	next := time.Now()
	for i := 0; !stop.Load(); i++ {
		if *rate > 0 {
			time.Sleep(time.Until(next))
			next = next.Add(time.Second * time.Duration(clients) / time.Duration(*rate))
		}
		request := fmt.Sprintf("%v asks %d", c.LocalAddr(), i)
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := c.Write([]byte(request)); err != nil {
			return err
		}
		n, err := c.Read(buf)
		if err != nil {
			return fmt.Errorf("no answer to %q: %w", request, err)
		}
		if got := string(buf[:n]); got != "ECHO: "+request {
			return fmt.Errorf("the answer to %q is %q", request, got)
		}
		answered.Add(1)
	}
	return nil
}

// The unit grants what the library needs for IPv6 VIPs, and its command has the program's
// flags.
func TestUnit(t *testing.T) {
	unit, err := os.ReadFile("operate.service")
	require.NoError(t, err)
	families := regexp.MustCompile(`(?m)^RestrictAddressFamilies=(.*)$`).FindSubmatch(unit)
	require.NotNil(t, families)
	require.Subset(t, strings.Fields(string(families[1])), []string{"AF_INET", "AF_INET6", "AF_NETLINK"})
	command := regexp.MustCompile(`(?m)^ExecStart=\S+ (.*)$`).FindSubmatch(unit)
	require.NotNil(t, command)
	for f := range strings.FieldsSeq(string(command[1])) {
		if name, ok := strings.CutPrefix(f, "-"); ok {
			require.NotNil(t, flag.Lookup(name), f)
		}
	}
}
