//go:build linux && race && !dsrudp_portable

package mmsg_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// A raceCall is one transfer while another goroutine, with nothing between them
// that orders the two, writes one byte of a buffer.
type raceCall struct {
	name  string
	racy  bool // the system call works on that byte, too
	touch func(b, oob []byte)
	call  func(t *testing.T, s *mmsg.Socket, self netip.AddrPort, b, oob []byte)
}

// The sizes of what is transferred; the buffers are twice as long. The detector
// remembers by 8 bytes.
const (
	raceLen    = 8
	raceOOBLen = 32 // IP_PKTINFO
)

const raceByte = 'x'

// What is sent keeps its value: whether there is a race does not depend on it.
func racePayload(b, _ []byte)         { b[raceLen-1] = raceByte }
func raceBehindPayload(b, _ []byte)   { b[raceLen] = raceByte }
func raceControl(_, oob []byte)       { oob[raceOOBLen-1] = 0 }
func raceBehindControl(_, oob []byte) { oob[raceOOBLen] = 0 }

var raceCalls = []raceCall{
	{"received payload", true, racePayload, raceRecv},
	{"behind received payload", false, raceBehindPayload, raceRecv},
	{"received control data", true, raceControl, raceRecv},
	{"behind received control data", false, raceBehindControl, raceRecv},
	{"sent payload", true, racePayload, raceSend},
	{"behind sent payload", false, raceBehindPayload, raceSend},
	{"sent control data", true, raceControl, raceSend},
	{"behind sent control data", false, raceBehindControl, raceSend},

	{"batch received payload", true, racePayload, raceBatchRecv},
	{"batch behind received payload", false, raceBehindPayload, raceBatchRecv},
	{"batch received pieces", true, racePayload, raceBatchRecvPieces},
	{"batch behind received pieces", false, raceBehindPayload, raceBatchRecvPieces},
	{"batch sent pieces", true, racePayload, raceBatchSend},
	{"batch behind sent pieces", false, raceBehindPayload, raceBatchSend},
	{"batch sent control data", true, raceControl, raceBatchSend},
	{"batch behind sent control data", false, raceBehindControl, raceBatchSend},
}

func raceRecv(t *testing.T, s *mmsg.Socket, _ netip.AddrPort, b, oob []byte) {
	r, err := recvOne(s, mmsg.NewMsg(), b, oob)
	require.NoError(t, err)
	require.Equal(t, raceLen, r.N)
	require.Equal(t, raceOOBLen, r.OOBN)
}

func raceSend(t *testing.T, s *mmsg.Socket, self netip.AddrPort, b, oob []byte) {
	n, err := s.Send(mmsg.NewMsg(), b[:raceLen], oob[:raceOOBLen], &self, 0)
	require.NoError(t, err)
	require.Equal(t, raceLen, n)
}

func raceBatchRecv(t *testing.T, s *mmsg.Socket, _ netip.AddrPort, b, _ []byte) {
	raceRecvInto(t, s, b)
}

func raceBatchRecvPieces(t *testing.T, s *mmsg.Socket, _ netip.AddrPort, b, _ []byte) {
	raceRecvInto(t, s, b[:raceLen/2], b[raceLen/2:raceLen+1], b[raceLen+1:])
}

func raceRecvInto(t *testing.T, s *mmsg.Socket, buffers ...[]byte) {
	batch := s.NewInBatch(2, raceOOBLen)
	batch.SetBuffers(0, buffers)
	batch.SetBuffer(1, nil)
	n, err := batch.Recv(2, 0)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	var r mmsg.Received
	batch.Received(0, &r)
	require.Equal(t, raceLen, r.N)
}

func raceBatchSend(t *testing.T, s *mmsg.Socket, self netip.AddrPort, b, oob []byte) {
	batch := s.NewOutBatch(2, raceOOBLen)
	batch.Begin(&self, 0, oob[:raceOOBLen])
	require.True(t, batch.Append(b[raceLen+2:raceLen+4]))
	require.True(t, batch.Append(b[:raceLen]))
	n, err := batch.Send(0, 0)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// TestRacesReported: the race detector does not see what a raw system call does
// to memory (K5.5), and is told: of all that was received or sent, and of no
// byte more. A process that it finds a race in ends with an exit status of the
// detector's, so that happens in a process of its own; and in another one if it found
// none, as it may miss one on a busy machine, though not each time.
func TestRacesReported(t *testing.T) {
	const child, status = "MMSG_TEST_RACE", 66
	for _, tc := range raceCalls {
		if os.Getenv(child) == tc.name {
			tc.race(t)
			return
		}
	}
	for _, tc := range raceCalls {
		t.Run(tc.name, func(t *testing.T) {
			if !tc.racy {
				tc.race(t)
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var out []byte
			var err error
			for range 5 {
				cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestRacesReported$")
				cmd.Env = append(os.Environ(), child+"="+tc.name, fmt.Sprintf("GORACE=halt_on_error=1 exitcode=%d", status))
				if out, err = cmd.CombinedOutput(); err != nil {
					break
				}
			}
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "no race was reported:\n%s", out)
			require.Equal(t, status, exit.ExitCode(), "%s", out)
			require.Contains(t, string(out), "WARNING: DATA RACE")
		})
	}
}

// race does it. What orders the goroutines comes before the first access or
// after the last one, so that it makes no difference which of them is quicker.
func (tc raceCall) race(t *testing.T) {
	s, c := socket(t, "udp4", "127.0.0.1:0", false)
	raw, err := c.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}))
	require.NoError(t, err)
	self := c.LocalAddr().(*net.UDPAddr).AddrPort()
	b, oob := bytes.Repeat([]byte{raceByte}, 2*raceLen), make([]byte, 2*raceOOBLen)
	copy(oob, unix.PktInfo4(&unix.Inet4Pktinfo{}))   // for the sender; it asks for nothing
	_, err = c.WriteToUDPAddrPort(b[:raceLen], self) // for the receiver
	require.NoError(t, err)

	done := make(chan struct{})
	go func() {
		tc.touch(b, oob)
		close(done)
	}()
	tc.call(t, s, self, b, oob)
	<-done
}
