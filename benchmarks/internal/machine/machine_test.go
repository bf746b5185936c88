//go:build linux

package machine

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestSteal(t *testing.T) {
	require.Equal(t, 120*time.Millisecond, stealOf([]byte("cpu  1 2 3 4 5 6 7 12 9 10\ncpu0 1 2 3 4 5 6 7 99 9 10\n")))
	for _, s := range []string{"", "cpu  1 2 3\n", "cpu  1 2 3 4 5 6 7 x\n", "intr 1 2 3 4 5 6 7 8 9\n"} {
		require.Zero(t, stealOf([]byte(s)), s)
	}
}

func TestDescribe(t *testing.T) {
	require.Equal(t, "A CPU: fast", modelOf([]byte("processor\t: 0\nmodel name\t: A CPU: fast\n\nprocessor\t: 1\nmodel name\t: B\n")))
	require.Empty(t, modelOf([]byte("processor\t: 0\nFeatures\t: fp\n")))
	d := Describe()
	require.Contains(t, d.Kernel, "Linux ")
	require.Contains(t, d.String(), d.Go)
	name, err := os.Hostname()
	require.NoError(t, err)
	require.NotContains(t, d.String(), " "+name+",", "results are shown around")
}

func TestClockRuns(t *testing.T) {
	c, err := CPUClock(os.Getpid())
	require.NoError(t, err)
	before := c.Read()
	require.Positive(t, before)
	for c.Read() == before { // it counts this loop
	}

	_, err = CPUClock(1 << 22) // above the largest process ID
	require.Error(t, err)
}

func TestStartPlaces(t *testing.T) {
	cpus, err := CPUs()
	require.NoError(t, err)
	last := cpus[len(cpus)-1]
	for _, batch := range []bool{true, false} {
		cmd := exec.Command("cat")
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, Start(cmd, Place{CPUs: []int{last}, Batch: batch}))

		var set unix.CPUSet
		require.NoError(t, unix.SchedGetaffinity(cmd.Process.Pid, &set))
		require.Equal(t, 1, set.Count())
		require.True(t, set.IsSet(last))
		attr, err := unix.SchedGetAttr(cmd.Process.Pid, 0)
		require.NoError(t, err)
		require.Equal(t, batch, attr.Policy == unix.SCHED_BATCH)

		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
	}
	after, err := CPUs()
	require.NoError(t, err)
	require.Equal(t, cpus, after, "this process is where it was")

	require.Error(t, Start(exec.Command("cat"), Place{}), "on no processor")
}
