package compat

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/dsrudp/go-dsrudp/examples/internal/site"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// A library is a server of one and a client for it.
type library struct {
	// serve starts the server on conn. The returned function waits for its end, after conn
	// was closed.
	serve func(t *testing.T, conn net.PacketConn) (wait func())

	// ask has a new client on host ask the server at vip, and checks the answer. The client
	// accepts answers from vip only, and gives up when ctx ends.
	ask func(ctx context.Context, host *lab.Host, vip netip.AddrPort) error
}

// answers checks, through both balancers, that the server on sockets that listen makes
// answers clients of all VIPs at once.
func (lib library) answers(t *testing.T, listen site.Listener) {
	site.Each(t, lab.Options{}, func(t *testing.T, s *site.Site) {
		lib.run(t, s, listen, func(ctx context.Context, vip netip.AddrPort) error {
			return lib.ask(ctx, s.Client, vip)
		})
	})
}

// fails checks, through both balancers, that with sockets that listen makes the answers come
// from other addresses than the VIPs, and that no client gets one.
func (lib library) fails(t *testing.T, listen site.Listener) {
	site.Each(t, lab.Options{}, func(t *testing.T, s *site.Site) {
		lib.run(t, s, listen, func(ctx context.Context, vip netip.AddrPort) error {
			asking, giveUp := context.WithCancel(ctx)
			answered := make(chan error, 1)
			go func() { answered <- lib.ask(asking, s.Client, vip) }()
			clients := make(map[netip.AddrPort]bool) // this one's addresses
			_, err := s.Wire.WaitFor(ctx, func(p lab.Packet) bool {
				if p.Outgoing && p.Dst == vip {
					clients[p.Src] = true
				}
				return p.Kind == lab.UDP && !p.Outgoing && clients[p.Dst] && p.Src != vip
			})
			giveUp()
			if <-answered == nil {
				err = errors.Join(err, errors.New("the client got an answer"))
			}
			return err
		})
	})
}

// run runs the server on the backends and calls ask for all VIPs at once.
func (lib library) run(t *testing.T, s *site.Site, listen site.Listener, ask func(context.Context, netip.AddrPort) error) {
	t.Helper()
	for _, b := range s.Backends {
		conn := listen.On(t, b.Host, "udp", fmt.Sprint(":", lab.Port))
		wait := lib.serve(t, conn)
		defer wait()
		defer conn.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), site.Patience)
	defer cancel()
	asking, ctx := errgroup.WithContext(ctx)
	for _, vip := range s.VIPs {
		asking.Go(func() error {
			if err := ask(ctx, netip.AddrPortFrom(vip, lab.Port)); err != nil {
				return fmt.Errorf("%v: %w", vip, err)
			}
			return nil
		})
	}
	require.NoError(t, asking.Wait())
}

// wrapped hides all methods of a Conn but those of net.PacketConn.
var wrapped site.Listener = func(network, address string) (net.PacketConn, error) {
	conn, err := site.DSR(network, address)
	return struct{ net.PacketConn }{conn}, err
}

// started runs serve in a goroutine.
func started(serve func()) (wait func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		serve()
	}()
	return func() { <-ended }
}

// dial returns a connected socket, whose reads and writes fail once ctx ends.
func dial(ctx context.Context, host *lab.Host, vip netip.AddrPort) (*net.UDPConn, error) {
	c, err := host.DialUDP("udp", netip.AddrPort{}, vip)
	if err == nil {
		context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	}
	return c, err
}
