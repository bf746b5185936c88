package facts_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// waitingWrites are the ways to write that wait for room in the send buffer. Each
// returns the errors of its datagrams.
var waitingWrites = map[string]func(c *dsrudp.Conn, payload string, p dsrudp.Path) []error{
	"WriteToPath": func(c *dsrudp.Conn, payload string, p dsrudp.Path) []error {
		_, err := c.WriteToPath([]byte(payload), p)
		return []error{err}
	},
	"WriteMsgUDPAddrPort": func(c *dsrudp.Conn, payload string, p dsrudp.Path) []error {
		_, _, err := c.WriteMsgUDPAddrPort([]byte(payload), k8Source(p.Local.Addr()), p.Remote)
		return []error{err}
	},
	"WritePackets": func(c *dsrudp.Conn, payload string, p dsrudp.Path) []error {
		ps := []dsrudp.Packet{batchPacket(payload, p), batchPacket(payload, p), batchPacket(payload+" and longer", p)}
		_, err := c.WritePackets(ps)
		return []error{err, ps[0].Err, ps[1].Err, ps[2].Err}
	},
	"WriteBatch": func(c *dsrudp.Conn, payload string, p dsrudp.Path) []error {
		ms := []ipv4.Message{{
			Buffers: [][]byte{[]byte(payload)},
			OOB:     k8Source(p.Local.Addr()),
			Addr:    net.UDPAddrFromAddrPort(p.Remote),
		}}
		_, err := c.WriteBatch(ms, 0)
		return []error{err}
	},
}

// A write that waits for room in the send buffer is refused when there is room
// after its VIP was withdrawn.
func TestWithdrawn_Waiting(t *testing.T) {
	for name, write := range waitingWrites {
		t.Run("dsrudp/"+name, func(t *testing.T) {
			d, c, _, p, release := batchDam(t, dsrudp.ListenConfig{})
			never, waiting := duoPayload("waits"), make(chan []error, 1)
			go func() { waiting <- write(c, never, p) }()
			duoSoon(t, "it waits", func() bool { return k8Parked("TestWithdrawn_Waiting") == 1 })
			d.withdrawUnder(t, p)
			require.Empty(t, waiting)
			release()
			errs := awaitFact(t, waiting)
			for _, err := range errs {
				require.ErrorIs(t, err, dsrudp.ErrNotLocal)
			}
			d.requireSilence(t, never, never+never, never+" and longer")
			require.EqualValues(t, max(1, len(errs)-1), c.Stats().Refused)
		})
	}
}

// Writes that wait for another which waits for room are refused too: theirs is not the
// next turn only because that one comes first.
func TestWithdrawn_Queueing(t *testing.T) {
	const writers = 4
	for name, write := range waitingWrites {
		t.Run("dsrudp/"+name, func(t *testing.T) {
			d, c, _, p, release := batchDam(t, dsrudp.ListenConfig{})
			never, waiting := duoPayload("waits"), make(chan []error, writers)
			for range writers {
				go func() { waiting <- write(c, never, p) }()
			}
			duoSoon(t, "all wait", func() bool { return k8Parked("TestWithdrawn_Queueing") == writers })
			d.withdrawUnder(t, p)
			require.Empty(t, waiting)
			release()
			for range writers {
				for _, err := range awaitFact(t, waiting) {
					require.ErrorIs(t, err, dsrudp.ErrNotLocal)
				}
			}
			d.requireSilence(t, never, never+never, never+" and longer")
		})
	}
}

// The same of a write that was held back, which OnWriteError is told.
func TestWithdrawn_Held(t *testing.T) {
	type heldError struct {
		p   dsrudp.Path
		err error
	}
	told := make(chan heldError, 8)
	d, c, _, p, release := batchDam(t, dsrudp.ListenConfig{
		CoalesceWrites: true,
		OnWriteError:   func(p dsrudp.Path, err error) { told <- heldError{p, err} },
	})
	never := duoPayload("held")
	_, err := c.WriteToPath([]byte(never), p)
	require.NoError(t, err, "it is held")
	duoSoon(t, "it waits", func() bool { return k8Parked("dsrudp.(*coalescer).expire") == 1 })
	d.withdrawUnder(t, p)
	require.Empty(t, told)
	release()
	e := awaitFact(t, told)
	require.Equal(t, p, e.p)
	dsrNotLocal(t, e.err)
	d.requireSilence(t, never)
	require.Empty(t, told)
	require.EqualValues(t, 1, c.Stats().Refused)
}

// The same of a Server, which OnError is told.
func TestWithdrawn_ServerWaiting(t *testing.T) {
	d, c, _, p, release := batchDam(t, dsrudp.ListenConfig{})
	never, failed := duoPayload("waits"), make(chan dsrudp.Path, 8)
	serve(t, &dsrudp.Server{
		OnError: func(p dsrudp.Path, err error) {
			assert.ErrorIs(t, err, dsrudp.ErrNotLocal)
			failed <- p
		},
		Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, _ *dsrudp.Packet) {
			_, err := w.Write([]byte(never))
			assert.NoError(t, err)
		}),
	}, c)
	duoSoon(t, "the reader waits for room", func() bool { return k8Parked("dsrudp.(*batchSender).flush") == 1 })
	d.withdrawUnder(t, p)
	require.Empty(t, failed)
	release()
	require.Equal(t, p, awaitFact(t, failed))
	d.requireSilence(t, never)
	require.EqualValues(t, 1, c.Stats().Refused)
}

// withdrawUnder takes p's VIP away and waits until that is known, by a Conn
// whose send buffer has room: all of a network namespace know it then.
func (d *duo) withdrawUnder(t *testing.T, p dsrudp.Path) {
	t.Helper()
	var other *dsrudp.Conn
	require.NoError(t, d.server.Do(func() (err error) {
		other, err = dsrudp.ListenPacket("udp6", ":0")
		return err
	}))
	siteConn(t, other)
	vip := p.Local.Addr()
	require.NoError(t, d.server.DelLocalRoute(netip.PrefixFrom(vip, vip.BitLen()), duoDev))
	d.refusedByNow(t, other, dsrudp.Path{Local: netip.AddrPortFrom(vip, 0), Remote: p.Remote})
}
