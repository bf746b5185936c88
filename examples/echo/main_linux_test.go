package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) { labtest.ProgramMain(m, main, nil) }

// patience bounds every wait for an event: it is reached only when a test fails.
const patience = 10 * time.Second

// Of 127.0.0.0/8 every address is local. A server of net on the wildcard answers from
// 127.0.0.1, where the clients are.
var vips = []string{"127.0.0.2", "127.0.0.3"}

// dial returns a client that is connected, and so takes answers from the VIP only.
func dial(t *testing.T, vip string, port uint16) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(vip), port)))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

// ask sends a request and checks the answer.
func ask(t *testing.T, c *net.UDPConn, request string) {
	t.Helper()
	_, err := c.Write([]byte(request))
	require.NoError(t, err)
	buf := make([]byte, 1<<16)
	n, err := c.Read(buf)
	require.NoError(t, err, "no answer from %v", c.RemoteAddr())
	require.Equal(t, "ECHO: "+request, string(buf[:n]))
}

// startServe runs serve until the test ends, and checks that it ends with conn.
func startServe(t *testing.T) (port uint16) {
	t.Helper()
	conn, err := dsrudp.ListenPacket("udp", ":0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(conn, false)
	}()
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("serve goes on after Close")
		}
	})
	return uint16(conn.LocalAddr().(*net.UDPAddr).Port)
}

func TestServe(t *testing.T) {
	port := startServe(t)
	a, b := dial(t, vips[0], port), dial(t, vips[1], port)
	for _, request := range []string{"x", "", strings.Repeat("y", 65507-len("ECHO: "))} {
		ask(t, a, request)
		ask(t, b, request)
	}
}

// A request whose answer cannot be sent, as it would be too long, is no reason
// to stop.
func TestServeGoesOn(t *testing.T) {
	port := startServe(t)
	a, b := dial(t, vips[0], port), dial(t, vips[1], port)
	_, err := a.Write(bytes.Repeat([]byte("x"), 65507))
	require.NoError(t, err)
	ask(t, b, "next")
	ask(t, a, "again")
}

func TestProgram(t *testing.T) {
	cmd := labtest.Program(t, "-listen", ":0", "-v")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, stderr.(*os.File).SetReadDeadline(time.Now().Add(patience)))
	require.NoError(t, cmd.Start())
	log := bufio.NewScanner(stderr)

	require.True(t, log.Scan(), log.Err())
	_, address, found := strings.Cut(log.Text(), "listening on ")
	require.True(t, found, log.Text())
	port := netip.MustParseAddrPort(address).Port()

	for _, vip := range vips {
		c := dial(t, vip, port)
		ask(t, c, "hello")
		require.True(t, log.Scan(), log.Err())
		require.Contains(t, log.Text(), fmt.Sprintf(" %v > %s:%d, 5 bytes", c.LocalAddr(), vip, port))
	}

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.False(t, log.Scan(), log.Text())
	require.NoError(t, log.Err())
	require.NoError(t, cmd.Wait(), "a signal ends it in good order")
}

func TestProgramRefusesArguments(t *testing.T) {
	out, err := labtest.Program(t, ":60002").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), `echo takes no arguments, got [":60002"]; see -help`)
}
