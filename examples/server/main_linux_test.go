package main

import (
	"bufio"
	"net"
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
	log  *bufio.Scanner
	port uint16
}

// start starts the program, on a port of the system's choice.
func start(t *testing.T) running {
	t.Helper()
	cmd := labtest.Program(t, "-listen", ":0")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, stderr.(*os.File).SetReadDeadline(time.Now().Add(patience)))
	require.NoError(t, cmd.Start())
	r := running{Cmd: cmd, log: bufio.NewScanner(stderr)}
	_, address, found := strings.Cut(r.line(t), "listening on ")
	require.True(t, found, r.log.Text())
	r.port = netip.MustParseAddrPort(address).Port()
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

// dial returns a client that is connected to a VIP, and so takes answers from that only.
func (r running) dial(t *testing.T, vip string) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(vip), r.port)))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

func ask(t *testing.T, c *net.UDPConn, request string) {
	t.Helper()
	_, err := c.Write([]byte(request))
	require.NoError(t, err)
	buf := make([]byte, 100)
	n, err := c.Read(buf)
	require.NoError(t, err, "no answer from %v", c.RemoteAddr())
	require.Equal(t, "ECHO: "+request, string(buf[:n]))
}

// The program answers from the address that was asked, reports an answer that is
// too long to be sent, and ends in good order by either signal, with its counts.
func TestProgram(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			r := start(t)
			a, b := r.dial(t, "127.0.0.2"), r.dial(t, "127.0.0.3")
			ask(t, a, "hello")
			ask(t, b, "there")

			_, err := a.Write(make([]byte, 65507))
			require.NoError(t, err)
			require.Contains(t, r.line(t), syscall.EMSGSIZE.Error())
			ask(t, a, "again")

			require.NoError(t, r.Process.Signal(signal))
			require.Contains(t, r.line(t), " SendFailed:1 ")
			require.False(t, r.log.Scan(), r.log.Text())
			require.NoError(t, r.log.Err())
			require.NoError(t, r.Wait(), "exit status")
		})
	}
}
