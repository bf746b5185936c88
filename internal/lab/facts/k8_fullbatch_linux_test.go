package facts_test

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// batchDam returns a Conn with a full send buffer, a path that is blocked and how
// to let the water out.
func batchDam(t *testing.T, lc dsrudp.ListenConfig) (d *duo, c *dsrudp.Conn, client *net.UDPConn, p dsrudp.Path, release func()) {
	t.Helper()
	d = newDuo(t)
	lc.WriteBuffer = k8Small.WriteBuffer
	c = d.listenDSR(t, lc, "udp", netip.Addr{})
	client, release = k8Dams[1].build(t, d, siteAddr(c.LocalAddr()).Port())
	d.ask(t, client)
	d.ask(t, client)
	_, p, err := c.ReadFromPath(make([]byte, 2048))
	require.NoError(t, err)
	k8Fill(t, c, p.Remote)
	return d, c, client, p, release
}

// K8.4: a list waits for room in the send buffer too, until the deadline, which
// is the error of all that is left, or Close.
func TestK8_4_BatchesWhileFull(t *testing.T) {
	_, c, client, p, release := batchDam(t, dsrudp.ListenConfig{})
	list := func() []dsrudp.Packet {
		return []dsrudp.Packet{batchPacket("first of a list", p), batchPacket("the second, longer", p)}
	}
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
	ps := list()
	n, err := c.WritePackets(ps)
	require.Zero(t, n)
	for _, err := range []error{err, ps[0].Err, ps[1].Err} {
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	}
	ms := []ipv4.Message{{Buffers: [][]byte{[]byte("late")}, Addr: net.UDPAddrFromAddrPort(p.Remote)}}
	n, err = c.WriteBatch(ms, 0)
	require.Zero(t, n)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, c.SetWriteDeadline(time.Time{}))
	n, err = c.WriteBatch(ms, unix.MSG_DONTWAIT)
	require.Zero(t, n)
	require.ErrorIs(t, err, unix.EAGAIN)

	waiting := make(chan error)
	write := func() {
		_, err := c.WritePackets(list())
		waiting <- err
	}
	go write()
	duoSoon(t, "it waits", func() bool { return k8Parked("TestK8_4_BatchesWhileFull") == 1 })
	release()
	require.NoError(t, <-waiting)
	for seen := ""; seen != "the second, longer"; {
		b := make([]byte, 2048)
		n, err := client.Read(b)
		require.NoError(t, err)
		require.NotEqual(t, "late", string(b[:n]))
		if seen == "first of a list" {
			require.Equal(t, "the second, longer", string(b[:n]))
		}
		seen = string(b[:n])
	}
}

// K8.4: Close ends a list that waits for room.
func TestK8_4_CloseWhileListWaits(t *testing.T) {
	_, c, _, p, _ := batchDam(t, dsrudp.ListenConfig{})
	waiting := make(chan error)
	go func() {
		_, err := c.WritePackets([]dsrudp.Packet{batchPacket("never", p)})
		waiting <- err
	}()
	duoSoon(t, "it waits", func() bool { return k8Parked("TestK8_4_CloseWhileListWaits") == 1 })
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-waiting, net.ErrClosed)
}

// K8.4: nor does Close wait for room, for what was held back to be sent; that is
// told to have failed.
func TestK8_4_CloseWhileHeld(t *testing.T) {
	told := make(chan error, 10)
	_, c, _, p, _ := batchDam(t, dsrudp.ListenConfig{
		CoalesceWrites: true,
		OnWriteError:   func(_ dsrudp.Path, err error) { told <- err },
	})
	require.NoError(t, c.SetDeadline(time.Time{}))
	_, err := c.WriteToPath([]byte("never"), p)
	require.NoError(t, err, "it is held")
	closed := make(chan error)
	go func() { closed <- c.Close() }()
	select {
	case err := <-closed:
		require.NoError(t, err)
	case <-time.After(sitePatience):
		t.Fatal("Close waits for room in the send buffer")
	}
	require.ErrorIs(t, <-told, net.ErrClosed)
}

// K8.4: a datagram larger than the whole buffer is its own error in a list, and
// counted by its kind.
func TestK8_4_LargerThanSendBufferInList(t *testing.T) {
	d := newDuo(t)
	for _, peer := range k8Peers {
		c := d.listenDSR(t, k8Small, peer.networks[0], netip.Addr{})
		client := d.dialFrom(t, peer.a, peer.vips[0])
		d.ask(t, client)
		p := batchRead(t, c, 1)[0].Path
		long := string(make([]byte, 60000))
		ps := []dsrudp.Packet{batchPacket("first", p), batchPacket(long, p), batchPacket(long, p), batchPacket("last", p)}
		n, err := c.WritePackets(ps)
		require.Equal(t, 2, n)
		require.NotErrorIs(t, err, dsrudp.ErrNotLocal)
		for _, p := range ps[1:3] {
			bareFails(t, p.Err, unix.ENOBUFS, unix.EMSGSIZE)
		}
		d.requireAccepted(t, client, "first")
		d.requireAccepted(t, client, "last")
		s := c.Stats()
		require.EqualValues(t, 2, s.SendNoBuffer+s.SendTooLong)
	}
}
