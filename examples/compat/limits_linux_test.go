package compat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"pack.ag/tftp"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/examples/internal/site"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A TFTP server that takes a *net.UDPConn and nothing else, and by default makes a socket
// for each transfer. It is right on a single port, with a socket of net for each VIP.
func TestT6_TFTP(t *testing.T) {
	for _, singlePort := range []bool{false, true} {
		t.Run(fmt.Sprintf("single port %v", singlePort), func(t *testing.T) {
			server, err := tftp.NewServer("", tftp.ServerSinglePort(singlePort))
			require.NoError(t, err)
			server.ReadHandler(tftp.ReadHandlerFunc(func(w tftp.ReadRequest) { io.WriteString(w, "content") }))
			vip, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
			require.NoError(t, err)
			wait := started(func() { server.Serve(vip) })
			defer wait()
			defer server.Close()

			// It is not connected, to see where the answer comes from.
			client, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			require.NoError(t, err)
			defer client.Close()
			require.NoError(t, client.SetDeadline(time.Now().Add(site.Patience)))
			_, err = client.WriteTo([]byte("\x00\x01file\x00octet\x00"), vip.LocalAddr()) // RFC 1350, section 5
			require.NoError(t, err)
			b := make([]byte, 600)
			n, from, err := client.ReadFromUDP(b)
			require.NoError(t, err)
			require.Equal(t, "\x00\x03\x00\x01content", string(b[:n]))
			if singlePort {
				require.Equal(t, vip.LocalAddr().String(), from.String())
			} else {
				require.Equal(t, "127.0.0.1", from.IP.String())
			}
			_, err = client.WriteTo([]byte("\x00\x04\x00\x01"), from)
			require.NoError(t, err)
		})
	}
}

// Packages ipv4 and ipv6 of x/net read from a *net.UDPConn and from nothing else. A library
// that calls this in a loop, as pion/mdns does, makes no progress and uses a processor.
func TestT15_ReadFromOfXNet(t *testing.T) {
	conn, err := dsrudp.ListenPacket("udp", ":0")
	require.NoError(t, err)
	defer conn.Close()
	_, _, _, err = ipv4.NewPacketConn(conn).ReadFrom(make([]byte, 1))
	require.ErrorContains(t, err, "invalid conn type")
	_, _, _, err = ipv6.NewPacketConn(conn).ReadFrom(make([]byte, 1))
	require.ErrorContains(t, err, "invalid conn type")
}

// A DNS server with a Reader of its own works when that is a dns.PacketConnReader too.
func TestT16_DecorateReader(t *testing.T) {
	serve := func(conn net.PacketConn, decorate dns.DecorateReader) error {
		server := &dns.Server{PacketConn: conn, DecorateReader: decorate, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			w.WriteMsg(new(dns.Msg).SetReply(r))
		})}
		return server.ActivateAndServe()
	}
	type plain struct{ dns.Reader }
	type general struct{ dns.PacketConnReader }

	conn, err := dsrudp.ListenPacket("udp", ":0")
	require.NoError(t, err)
	defer conn.Close()
	require.ErrorContains(t, serve(conn, func(r dns.Reader) dns.Reader { return plain{r} }), "PacketConnReader was not implemented")

	dnsLibrary := library{
		serve: func(t *testing.T, conn net.PacketConn) func() {
			return started(func() {
				err := serve(conn, func(r dns.Reader) dns.Reader { return general{r.(dns.PacketConnReader)} })
				if !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			})
		},
		ask: func(ctx context.Context, host *lab.Host, vip netip.AddrPort) error {
			c, err := dial(ctx, host, vip)
			if err != nil {
				return err
			}
			defer c.Close()
			_, _, err = new(dns.Client).ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion("example.org.", dns.TypeA), &dns.Conn{Conn: c})
			return err
		},
	}
	dnsLibrary.answers(t, site.DSR)
}
