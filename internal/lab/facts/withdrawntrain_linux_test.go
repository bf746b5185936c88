package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestWithdrawn_Train: of a train that is sent in parts the first wait for room
// when its VIP goes. All its datagrams are refused and counted, each once, and
// whoever wrote it is told once.
func TestWithdrawn_Train(t *testing.T) {
	const datagrams, size = 64, 50 // more than are sent at once
	train := func(p dsrudp.Path) dsrudp.Packet {
		return dsrudp.Packet{Buf: make([]byte, datagrams*size), N: datagrams * size, SegmentSize: size, Path: p}
	}
	t.Run("WritePackets", func(t *testing.T) {
		d, c, _, p, release := batchDam(t, dsrudp.ListenConfig{NoOffload: true})
		written := make(chan error, 1)
		go func() {
			_, err := c.WritePackets([]dsrudp.Packet{train(p)})
			written <- err
		}()
		duoSoon(t, "it waits", func() bool { return k8Parked("WritePackets") >= 1 })
		d.withdrawUnder(t, p)
		require.Empty(t, written)
		release()
		require.ErrorIs(t, awaitFact(t, written), dsrudp.ErrNotLocal)
		require.EqualValues(t, datagrams, c.Stats().Refused)
	})
	t.Run("Server", func(t *testing.T) {
		d, c, _, p, release := batchDam(t, dsrudp.ListenConfig{NoOffload: true})
		told := make(chan error, 2*datagrams)
		accepted := make(chan error, 1)
		served := make(chan struct{}, 1)
		serve(t, &dsrudp.Server{
			OnError: func(_ dsrudp.Path, err error) { told <- err },
			Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, r *dsrudp.Packet) {
				select {
				case served <- struct{}{}:
					q := train(p)
					accepted <- w.WritePacket(&q)
				default:
				}
			}),
		}, c)
		duoSoon(t, "it waits", func() bool { return k8Parked("dsrudp.(*batchSender).flush") == 1 })
		d.withdrawUnder(t, p)
		release()
		require.NoError(t, awaitFact(t, accepted))
		require.ErrorIs(t, awaitFact(t, told), dsrudp.ErrNotLocal)
		require.EqualValues(t, datagrams, c.Stats().Refused)
		require.Empty(t, told)
	})
}

// TestWithdrawn_AnswerBeforeClose: an answer that was taken while the Conn was open
// is refused for what it is, and counted, although the handler closes the Conn.
func TestWithdrawn_AnswerBeforeClose(t *testing.T) {
	d := newDuo(t)
	w := withdrawals[len(withdrawals)-1]
	c := d.listenDSR(t, dsrudp.ListenConfig{}, "udp6", netip.Addr{})
	told, accepted, withdrawn := make(chan error, 1), make(chan dsrudp.Path, 1), make(chan struct{})
	serve(t, &dsrudp.Server{
		OnError: func(_ dsrudp.Path, err error) { told <- err },
		Handler: dsrudp.HandlerFunc(func(rw dsrudp.ReplyWriter, p *dsrudp.Packet) {
			if _, err := rw.Write([]byte("never")); err != nil {
				t.Errorf("Write: %v", err)
			}
			accepted <- p.Path
			<-withdrawn
			c.Close()
		}),
	}, c)
	d.ask(t, d.dial(t, w.gone))
	p := awaitFact(t, accepted)
	require.NoError(t, d.server.DelLocalRoute(w.route, duoDev))
	d.refusedByNow(t, c, p)
	before := c.Stats().Refused
	close(withdrawn)
	require.ErrorIs(t, awaitFact(t, told), dsrudp.ErrNotLocal)
	require.Equal(t, before+1, c.Stats().Refused)
}
