package compat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/pin/tftp/v3"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	pinned "pack.ag/tftp"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/examples/internal/site"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A TFTP server that takes a *net.UDPConn and nothing else. It is right on a single port, with
// a socket of net for each VIP.
func TestPinned(t *testing.T) {
	server, err := pinned.NewServer("", pinned.ServerSinglePort(true))
	require.NoError(t, err)
	server.ReadHandler(pinned.ReadHandlerFunc(func(w pinned.ReadRequest) { io.WriteString(w, content) }))
	vip, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	require.NoError(t, err)
	wait := started(func() { server.Serve(vip) })
	defer wait()
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), site.Patience)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "udp", vip.LocalAddr().String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(site.Patience)))
	require.NoError(t, readFile(c))
}

// A TFTP server that by default makes a socket of net's for each transfer, which answers from
// the host's own address. On a single port it works.
func TestT6_TFTP(t *testing.T) {
	library := tftpLibrary(true)
	library.answers(t, site.DSR)
	library.fails(t, func(network, address string) (net.PacketConn, error) {
		conn, err := net.ListenPacket(network, address)
		return struct{ net.PacketConn }{conn}, err // else it makes control messages for IPv4
	})

	conn, err := dsrudp.ListenPacket("udp4", ":0")
	require.NoError(t, err)
	defer tftpLibrary(false).serve(t, conn)()
	client, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // not connected, to see the source
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.SetDeadline(time.Now().Add(site.Patience)))
	_, err = client.WriteTo(readRequest, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: conn.LocalAddr().(*net.UDPAddr).Port})
	require.NoError(t, err)
	b := make([]byte, 600)
	n, from, err := client.ReadFromUDPAddrPort(b)
	require.NoError(t, err)
	require.Equal(t, firstBlock, string(b[:n]))
	require.Equal(t, "127.0.0.1", from.Addr().String())
	_, err = client.WriteToUDPAddrPort(acknowledgement, from)
	require.NoError(t, err)
}

// A transfer of one block, RFC 1350.
const (
	content    = "content"
	firstBlock = "\x00\x03\x00\x01" + content
)

var readRequest, acknowledgement = []byte("\x00\x01file\x00octet\x00"), []byte("\x00\x04\x00\x01")

// readFile asks for a file and checks what comes.
func readFile(c net.Conn) error {
	if _, err := c.Write(readRequest); err != nil {
		return err
	}
	b := make([]byte, 600)
	n, err := c.Read(b)
	if err == nil && string(b[:n]) != firstBlock {
		err = fmt.Errorf("the answer is %q", b[:n])
	}
	if err == nil {
		_, err = c.Write(acknowledgement)
	}
	return err
}

func tftpLibrary(singlePort bool) library {
	return library{
		serve: func(t *testing.T, conn net.PacketConn) func() {
			server := tftp.NewServer(func(_ string, to io.ReaderFrom) error {
				_, err := to.ReadFrom(strings.NewReader(content))
				return err
			}, nil)
			server.SetRetries(1)
			server.SetTimeout(time.Second)
			if singlePort {
				server.EnableSinglePort()
			}
			wait := started(func() {
				if err := server.Serve(conn); err != nil {
					t.Error(err)
				}
			})
			return func() {
				server.Shutdown()
				conn.Close()
				wait()
			}
		},
		ask: func(ctx context.Context, host *lab.Host, vip netip.AddrPort) error {
			// The library's client takes an answer from anywhere. This one is connected.
			c, err := dial(ctx, host, vip)
			if err != nil {
				return err
			}
			defer c.Close()
			return readFile(c)
		},
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
