package facts_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// An answer that a Server took, and had not sent when its VIP was withdrawn, is
// told to OnError and never leaves.
func TestWithdrawn_Accepted(t *testing.T) {
	d := newDuo(t)
	for _, w := range withdrawals[1:] { // for IPv4 the kernel keeps the guard
		for _, network := range w.networks {
			t.Run("dsrudp/"+w.name+"/"+network, func(t *testing.T) {
				c := d.listenDSR(t, dsrudp.ListenConfig{}, network, netip.Addr{})
				gone, stay := d.dial(t, w.gone), d.dial(t, w.stay)
				never, train := duoPayload("accepted"), duoPayload("a train")
				accepted, withdrawn := make(chan dsrudp.Path), make(chan struct{})
				failed := make(chan dsrudp.Path, 8)
				serve(t, &dsrudp.Server{
					OnError: func(p dsrudp.Path, err error) {
						assert.ErrorIs(t, err, dsrudp.ErrNotLocal)
						failed <- p
					},
					Handler: dsrudp.HandlerFunc(func(rw dsrudp.ReplyWriter, p *dsrudp.Packet) {
						if p.Path.Local.Addr() != w.gone {
							echoing(t).ServePacket(rw, p)
							return
						}
						_, err := rw.Write([]byte(never))
						assert.NoError(t, err)
						q := batchPacket(train, p.Path)
						q.SegmentSize = 4
						assert.NoError(t, rw.WritePacket(&q))
						accepted <- p.Path
						<-withdrawn
					}),
				}, c)
				d.ask(t, gone)
				p := awaitFact(t, accepted)
				require.NoError(t, d.server.DelLocalRoute(w.route, duoDev))
				t.Cleanup(func() { _ = d.server.AddLocalRoute(w.route, duoDev) })
				d.refusedByNow(t, c, p)
				close(withdrawn)
				require.Equal(t, p, awaitFact(t, failed))
				require.Equal(t, p, awaitFact(t, failed))
				d.requireAccepted(t, stay, d.ask(t, stay))
				require.Empty(t, failed)
				d.requireSilence(t, never, train, train[:4])
				require.NoError(t, c.Close())
				require.NoError(t, d.server.AddLocalRoute(w.route, duoDev))
			})
		}
	}
}

// awaitFact waits for what is to be told.
func awaitFact[T any](t *testing.T, told <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-told:
	case <-time.After(sitePatience):
		require.Fail(t, "it was never told")
	}
	return v
}
