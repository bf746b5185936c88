package facts_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// K8.4: a Server whose send buffer is full waits until there is room, and what
// it had to send is not lost. Close and Shutdown end that wait too.
func TestK8_4_ServerFull(t *testing.T) {
	for _, m := range k8Dams {
		for _, network := range m.networks {
			for end, do := range map[string]func(t *testing.T, s *dsrudp.Server, c *dsrudp.Conn){
				"released": nil,
				"closed":   func(t *testing.T, _ *dsrudp.Server, c *dsrudp.Conn) { require.NoError(t, c.Close()) },
				"shut down": func(t *testing.T, s *dsrudp.Server, _ *dsrudp.Conn) {
					ctx, cancel := context.WithCancel(t.Context())
					cancel()
					require.ErrorIs(t, s.Shutdown(ctx), context.Canceled)
				},
			} {
				t.Run("dsrudp/"+m.name+"/"+network+"/"+end, func(t *testing.T) {
					d := newDuo(t)
					c := d.listenDSR(t, k8Small, network, netip.Addr{})
					require.NoError(t, c.SetDeadline(time.Time{})) // nothing but what is tested ends the wait
					client, release := m.build(t, d, siteAddr(c.LocalAddr()).Port())
					failed := make(chan error, 1)
					s := &dsrudp.Server{
						OnError: func(_ dsrudp.Path, err error) { failed <- err },
						Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
							k8Fill(t, c, p.Path.Remote)
							echoing(t).ServePacket(w, p)
						}),
					}
					ended := make(chan error, 1)
					go func() { ended <- s.Serve(c) }()
					t.Cleanup(func() { c.Close() })
					request := d.ask(t, client)
					duoSoon(t, "the reader waits for room", func() bool { return k8Parked("dsrudp.(*batchSender).flush") == 1 })
					if do != nil {
						do(t, s, c)
						require.ErrorIs(t, k8Await(t, failed), net.ErrClosed)
						require.Error(t, k8Await(t, ended))
						return
					}
					require.Empty(t, failed)
					release()
					b := make([]byte, 2048)
					for string(b) != request {
						n, err := client.Read(b[:2048])
						require.NoError(t, err)
						b = b[:n]
					}
					require.NoError(t, s.Shutdown(t.Context()))
					require.ErrorIs(t, k8Await(t, ended), dsrudp.ErrServerClosed)
					require.Empty(t, failed)
				})
			}
		}
	}
}

// k8Await waits for an error to be told.
func k8Await(t *testing.T, errs <-chan error) error {
	t.Helper()
	select {
	case err := <-errs:
		return err
	case <-time.After(sitePatience):
		require.Fail(t, "the Server still waits")
		return nil
	}
}
