package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/examples/internal/site"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) { labtest.ProgramMain(m, main, nil) }

// Answers leave by another interface than requests come in by. There is one backend, as these
// balancers send a client whose port changes to another one.
var options = lab.Options{Backends: 1, Asymmetric: true}

func TestProgram(t *testing.T) {
	site.Each(t, options, func(t *testing.T, s *site.Site) {
		program := site.Start(t, s.Backends[0].Host, "-listen", ":443")
		for _, vip := range s.VIPs {
			t.Run(vip.String(), func(t *testing.T) { library(t, s, program, netip.AddrPortFrom(vip, 443)) })
		}
		t.Run("chromium", func(t *testing.T) { chromium(t, s, program) })
	})
}

// library uploads and downloads, with the library's client, whose port changes in the middle.
func library(t *testing.T, s *site.Site, program *site.Program, vip netip.AddrPort) {
	c := newClient(t, s, vip)
	upload := func(size int) {
		r, err := c.http.Post("https://"+vip.String(), "", strings.NewReader(strings.Repeat("x", size)))
		require.NoError(t, err)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, answered(vip, size), string(body))
	}
	upload(1 << 20)

	r, err := c.http.Get("https://" + vip.String() + "/download")
	require.NoError(t, err)
	start, err := io.ReadAll(io.LimitReader(r.Body, int64(len(download)/2)))
	require.NoError(t, err)

	// Several packets leave as one (UDP_SEGMENT), and both ends mark many more than the
	// first ten packets as capable of ECN, as each has received the other's counts.
	port := c.port.LocalAddr().(*net.UDPAddr).AddrPort()
	for _, flow := range []lab.Flow{{Src: port, Dst: vip}, {Src: vip, Dst: port}} {
		largest, marked := flowOf(s.Wire, flow)
		require.Greater(t, largest, 2*lab.MTU, "%v", flow)
		require.Greater(t, marked, 100*lab.MTU, "%v", flow)
	}

	ctx, cancel := context.WithTimeout(t.Context(), site.Patience)
	defer cancel()
	other := s.Dial(t, vip)
	path, err := c.conn.AddPath(&quic.Transport{Conn: other})
	require.NoError(t, err)
	require.NoError(t, path.Probe(ctx))
	require.NoError(t, path.Switch())

	rest, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, answered(vip, 0)+download, string(start)+string(rest))
	upload(1)
	program.Logged(t, fmt.Sprintf("%v asks %v: POST", other.LocalAddr(), vip))
}

// answered is the first line of an answer.
func answered(vip netip.AddrPort, size int) string {
	return fmt.Sprintf("answered by %v after %d bytes\n", vip, size)
}

// flowOf returns the size of the largest datagram of a flow, and how many bytes were in those
// that are marked as capable of ECN.
func flowOf(wire *lab.Capture, flow lab.Flow) (largest, marked int) {
	for _, p := range wire.Packets() {
		if p.Kind != lab.UDP || p.Flow != flow {
			continue
		}
		class := p.Frame[15] // of IPv4
		if p.Src.Addr().Is6() {
			class = p.Frame[15] >> 4
		}
		if class&3 == 2 { // ECT(0), RFC 3168
			marked += len(p.Payload)
		}
		largest = max(largest, len(p.Payload))
	}
	return largest, marked
}

// A client is one of the library's, on a connected socket.
type client struct {
	http *http.Client
	port *site.Connected
	conn *quic.Conn // from the first answer on
}

func newClient(t *testing.T, s *site.Site, vip netip.AddrPort) *client {
	c := &client{port: s.Dial(t, vip)}
	socket := &quic.Transport{Conn: c.port}
	transport := &http3.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // it cannot know the program's certificate
		Dial: func(ctx context.Context, _ string, tlsConfig *tls.Config, config *quic.Config) (_ *quic.Conn, err error) {
			c.conn, err = socket.Dial(ctx, net.UDPAddrFromAddrPort(vip), tlsConfig, config)
			return c.conn, err
		},
	}
	t.Cleanup(func() { transport.Close() })
	c.http = &http.Client{Transport: transport, Timeout: site.Patience}
	return c
}

// chromium uploads to all VIPs, from a page of its own.
func chromium(t *testing.T, s *site.Site, program *site.Program) {
	var origins []string
	for _, vip := range s.VIPs {
		origins = append(origins, netip.AddrPortFrom(vip, 443).String())
	}
	page := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(page, fmt.Appendf(nil, `<body><script>
		const show = text => document.body.append(text + ";");
		for (const origin of %q.split(" "))
			fetch("https://" + origin, {mode: "no-cors", method: "POST", body: "x".repeat(100000)}).
				then(() => show(origin + " answers"), error => show(origin + ": " + error));
		</script>`, strings.Join(origins, " ")), 0o666))
	_, hash, _ := strings.Cut(program.Logged(t, "listening on "), " of hash ")
	out, err := site.Run(t, s.Client, "chromium", "--headless", "--no-sandbox", "--disable-gpu",
		"--user-data-dir="+t.TempDir(), "--origin-to-force-quic-on=*", "--ignore-certificate-errors-spki-list="+hash,
		"--virtual-time-budget=10000", // it waits for what is fetched, without that passing
		"--dump-dom", "file://"+page)
	require.NoError(t, err, out)
	for _, origin := range origins {
		require.Contains(t, out, origin+" answers;")
	}
}

// With net the library sends control messages of its own, which name the interface that the
// request came in by. The kernel refuses them for IPv6 VIPs. For IPv4 it sends by that
// interface, and where this is not the way to the client, nothing gets there.
func TestNet(t *testing.T) {
	site.Each(t, options, func(t *testing.T, s *site.Site) {
		b := s.Backends[0]
		sent := make(chan result, 1000) // more than the server sends here
		server, _, err := newServer()
		require.NoError(t, err)
		// Serve would set the socket's options while requests come in. In those that are queued
		// before, IP_PKTINFO names no interface, and the answers get to IPv4 clients.
		conn := reporter{site.Net.On(t, b.Host, "udp", ":443").(*net.UDPConn), sent}
		listener, err := quic.ListenEarly(conn, http3.ConfigureTLSConfig(server.TLSConfig), &quic.Config{Allow0RTT: true})
		require.NoError(t, err)
		go server.ServeListener(listener)
		for _, vip := range s.VIPs {
			c := newClient(t, s, netip.AddrPortFrom(vip, 443))
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan error, 1)
			go func() {
				r, err := http.NewRequestWithContext(ctx, "GET", "https://"+c.port.RemoteAddr().String(), nil)
				if err == nil {
					_, err = c.http.Do(r)
				}
				got <- err
			}()
			answer := site.Receive(t, sent)
			for answer.to != c.port.LocalAddr().String() {
				answer = site.Receive(t, sent)
			}
			if vip.Is4() {
				require.NoError(t, answer.err)
			} else {
				require.ErrorIs(t, answer.err, syscall.EINVAL)
			}
			cancel()
			require.ErrorIs(t, site.Receive(t, got), context.Canceled)
		}
		// What the server's host sends now gets there after all that was sent before.
		last := netip.AddrPortFrom(s.Client4, 9)
		c, err := b.DialUDP("udp", netip.AddrPort{}, last)
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write(nil)
		require.NoError(t, err)
		_, err = s.Wire.WaitFor(t.Context(), func(p lab.Packet) bool { return p.Kind == lab.UDP && p.Dst == last })
		require.NoError(t, err)
		for _, p := range s.Wire.Packets() {
			require.NotContains(t, s.VIPs, p.Src.Addr(), "%v", p)
		}
	})
}

// A reporter reports what becomes of the datagrams that a server sends.
type reporter struct {
	*net.UDPConn
	sent chan<- result
}

type result struct {
	to  string
	err error
}

func (r reporter) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	n, oobn, err = r.UDPConn.WriteMsgUDP(b, oob, addr)
	r.sent <- result{addr.String(), err}
	return n, oobn, err
}
