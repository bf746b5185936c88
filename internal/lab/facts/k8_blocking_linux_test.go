package facts_test

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

// Fd on a duplicate makes the socket blocking for all its duplicates. A send
// that trusted O_NONBLOCK would wait for room in the kernel and keep its processor
// while it does, and the garbage collector would wait for it, and all else for the
// garbage collector: so this happens in a process of its own.
func TestK8_4_BlockingDescriptionFull(t *testing.T) {
	labtest.Need(t)
	const child = "FACTS_TEST_BLOCKING"
	if os.Getenv(child) == "" {
		ctx, cancel := context.WithTimeout(t.Context(), sitePatience)
		defer cancel()
		cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.run=^TestK8_4_BlockingDescriptionFull$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, ctx.Err(), "the garbage collector waits for a writer to a full send buffer")
		require.NoError(t, err, "%s", out)
		return
	}

	d := newDuo(t)
	for _, m := range k8Dams {
		c := d.listenDSR(t, k8Small, m.networks[0], netip.Addr{})
		client, release := m.build(t, d, siteAddr(c.LocalAddr()).Port())
		d.ask(t, client)
		_, p, err := c.ReadFromPath(make([]byte, 2048))
		require.NoError(t, err)
		k8Fill(t, c, p.Remote)
		f, err := c.File()
		require.NoError(t, err)
		flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
		require.NoError(t, err)
		require.Zero(t, flags&unix.O_NONBLOCK, "nothing is blocking, and the test proves nothing")

		writes := k8Writes(c, p)
		done := make(chan error, len(writes))
		for _, write := range writes {
			go func() { done <- write("in the end") }()
		}
		duoSoon(t, "all writes wait", func() bool { return k8Parked("TestK8_4_BlockingDescriptionFull") == len(writes) })
		runtime.GC()
		release()
		for range writes {
			require.NoError(t, <-done)
		}
		require.NoError(t, f.Close())
		require.NoError(t, c.Close())
	}
}
