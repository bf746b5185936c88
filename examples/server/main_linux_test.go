package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) { labtest.ProgramMain(m, main, nil) }

// patience bounds every wait for an event: it is reached only when a test fails.
const patience = 10 * time.Second

// A running program, and what it logs.
type running struct {
	*exec.Cmd
	log    *bufio.Scanner
	port   uint16
	health string // address of the health check
}

// start starts the program, on ports of the system's choice.
func start(t *testing.T, args ...string) running {
	t.Helper()
	cmd := labtest.Program(t, append([]string{"-listen", ":0", "-health", "127.0.0.1:0"}, args...)...)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, stderr.(*os.File).SetReadDeadline(time.Now().Add(patience)))
	require.NoError(t, cmd.Start())
	r := running{Cmd: cmd, log: bufio.NewScanner(stderr)}
	_, addresses, found := strings.Cut(r.line(t), "listening on ")
	require.True(t, found, r.log.Text())
	address, health, found := strings.Cut(addresses, ", health on ")
	require.True(t, found, r.log.Text())
	r.port, r.health = netip.MustParseAddrPort(address).Port(), health
	return r
}

// line waits for the next line of the log.
func (r running) line(t *testing.T) string {
	t.Helper()
	if !r.log.Scan() {
		require.NoError(t, r.log.Err())
		require.Fail(t, "the program ended", "%v", r.Wait())
	}
	return r.log.Text()
}

// status returns what the health check says.
func (r running) status(t *testing.T) int {
	t.Helper()
	response, err := http.Get("http://" + r.health)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// dial returns a client that is connected to a VIP, and so takes answers from that only.
func (r running) dial(t *testing.T, vip string) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(vip), r.port)))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

// ask has each client send n requests.
func ask(t *testing.T, n int, clients ...*net.UDPConn) {
	t.Helper()
	for i := range n {
		for _, c := range clients {
			_, err := fmt.Fprint(c, i)
			require.NoError(t, err)
		}
	}
}

// requireAnswers requires one answer to each of n requests of each client, in any order.
func requireAnswers(t *testing.T, n int, clients ...*net.UDPConn) {
	t.Helper()
	for _, c := range clients {
		missing := make(map[string]bool)
		for i := range n {
			missing[fmt.Sprint("ECHO: ", i)] = true
		}
		b := make([]byte, 100)
		for len(missing) > 0 {
			k, err := c.Read(b)
			require.NoError(t, err, "%d answers from %v are missing", len(missing), c.RemoteAddr())
			require.True(t, missing[string(b[:k])], "%q", b[:k])
			delete(missing, string(b[:k]))
		}
	}
}

// TestT42_Drain: when a signal comes the health check fails, and the program serves on. Then
// it answers, late as its handlers are, all that was asked before it ends, in good order and
// with its counts: no answer is lost, and none comes from another address than was asked.
func TestT42_Drain(t *testing.T) {
	const n = 50
	for signal, drain := range map[syscall.Signal]string{syscall.SIGTERM: "2s", syscall.SIGINT: "10ms"} {
		t.Run(signal.String(), func(t *testing.T) {
			r := start(t, "-drain", drain, "-work", "50ms")
			clients := []*net.UDPConn{r.dial(t, "127.0.0.2"), r.dial(t, "127.0.0.3")}
			ask(t, 1, clients...)
			requireAnswers(t, 1, clients...)

			// An answer that cannot be sent is reported.
			_, err := clients[0].Write(make([]byte, 65507))
			require.NoError(t, err)
			require.Contains(t, r.line(t), syscall.EMSGSIZE.Error())
			require.Equal(t, http.StatusOK, r.status(t))

			ask(t, n, clients...)
			require.NoError(t, r.Process.Signal(signal))
			require.Contains(t, r.line(t), "draining for "+drain+"; a second signal ends the program at once")
			if signal == syscall.SIGTERM {
				for end := time.Now().Add(patience); r.status(t) != http.StatusServiceUnavailable; {
					require.True(t, time.Now().Before(end), "the health check does not fail")
				}
				requireAnswers(t, n, clients...)
				ask(t, n, clients...) // the balancer has not seen it yet
			}
			requireAnswers(t, n, clients...)
			require.Contains(t, r.line(t), " SendFailed:1 ")
			require.False(t, r.log.Scan(), r.log.Text())
			require.NoError(t, r.log.Err())
			require.NoError(t, r.Wait(), "exit status")
		})
	}
}
