//go:build race && !dsrudp_portable

package mmsg_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

const raceDetector = true

// The sizes of what is transferred; the buffers are twice as long. The detector remembers
// by 8 bytes.
const (
	raceLen        = 8
	raceControlLen = 32 // IP_PKTINFO
)

// A raceCall is a transfer while another goroutine, with nothing between them that orders
// the two, writes one byte of a buffer: the last that the system call works on, or the one
// behind it.
type raceCall struct {
	name    string
	control bool // the byte is one of the control messages
	call    func(t *testing.T, s *mmsg.Socket, self *mmsg.Addr, b, control []byte)
}

var raceCalls = []raceCall{
	{"received payload", false, raceRecv},
	{"received control", true, raceRecv},
	{"sent payload", false, raceSend},
	{"sent control", true, raceSend},
	{"batch received payload", false, func(t *testing.T, s *mmsg.Socket, _ *mmsg.Addr, b, _ []byte) {
		in := s.NewIn(2, raceControlLen)
		in.SetBuffers(0, b[:raceLen/2], b[raceLen/2:raceLen+1], b[raceLen+1:])
		n, err := in.Recv(2, 0)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, raceLen, message(in, 0).N)
	}},
	{"batch sent payload", false, raceOut},
	{"batch sent control", true, raceOut},
}

func raceRecv(t *testing.T, s *mmsg.Socket, _ *mmsg.Addr, b, control []byte) {
	r, err := recv(s, mmsg.NewMsg(), b, control)
	require.NoError(t, err)
	require.Equal(t, raceLen, r.N)
	require.Len(t, r.Control, raceControlLen)
}

func raceSend(t *testing.T, s *mmsg.Socket, self *mmsg.Addr, b, control []byte) {
	n, err := s.TrySend(mmsg.NewMsg(), b[:raceLen], control[:raceControlLen], self)
	require.NoError(t, err)
	require.Equal(t, raceLen, n)
}

func raceOut(t *testing.T, s *mmsg.Socket, self *mmsg.Addr, b, control []byte) {
	out := s.NewOut(2, raceControlLen)
	out.Begin(self, control[:raceControlLen])
	require.True(t, out.Append(0, b[raceLen+2:raceLen+4]))
	require.True(t, out.Append(0, b[:raceLen]))
	sendOut(t, out, 0, 1)
}

// TestK5_5_Races: the race detector does not see what a raw system call does to memory, and
// gets reports: of all that was received or sent, and of no byte more. A process that it
// finds a race in ends with an exit status of the detector's, so that happens in a process
// of its own; and in another one if it found none, as it may miss one on a busy machine,
// though not each time.
func TestK5_5_Races(t *testing.T) {
	const status = 66
	for _, tc := range raceCalls {
		t.Run(tc.name, func(t *testing.T) {
			if os.Getenv(childEnv) != "" {
				tc.race(t, 1)
				return
			}
			tc.race(t, 0)
			var out []byte
			var err error
			for range 5 {
				cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestK5_5_Races$/^"+testName(tc.name)+"$")
				cmd.Env = append(os.Environ(), childEnv+"=race", fmt.Sprintf("GORACE=halt_on_error=1 atexit_sleep_ms=0 exitcode=%d", status))
				if out, err = cmd.CombinedOutput(); err != nil {
					break
				}
			}
			exit, ok := errors.AsType[*exec.ExitError](err)
			require.True(t, ok, "no race was reported:\n%s", out)
			require.Equal(t, status, exit.ExitCode(), "%s", out)
			require.Contains(t, string(out), "WARNING: DATA RACE")
		})
	}
}

// testName is the pattern for a subtest's name.
func testName(name string) string {
	return string(bytes.ReplaceAll([]byte(name), []byte(" "), []byte("_")))
}

// race makes the call, and touches the byte so many before the first that it does not work
// on. What orders the goroutines comes before the first access or after the last one, so
// that it makes no difference which of them is quicker. What is sent keeps its value:
// whether there is a race does not depend on it.
func (tc raceCall) race(t *testing.T, before int) {
	s, c := socket(t, "udp4", "127.0.0.1:0")
	option(t, c, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	b, control := bytes.Repeat([]byte("x"), 2*raceLen), make([]byte, 2*raceControlLen)
	copy(control, unix.PktInfo4(&unix.Inet4Pktinfo{}))      // for the sender; it asks for nothing
	send(t, s, addrOf(c, "127.0.0.1"), string(b[:raceLen])) // for the receiver
	done := make(chan struct{})
	go func() {
		if tc.control {
			control[raceControlLen-before] = 0
		} else {
			b[raceLen-before] = 'x'
		}
		close(done)
	}()
	tc.call(t, s, addrOf(c, "127.0.0.1"), b, control)
	<-done
}
