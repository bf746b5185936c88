package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/examples/internal/site"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) { labtest.ProgramMain(m, main, nil) }

// The program answers the clients of each VIP, and logs which one they asked.
func TestProgram(t *testing.T) {
	site.Each(t, lab.Options{}, func(t *testing.T, s *site.Site) {
		var programs []*site.Program
		for _, b := range s.Backends {
			programs = append(programs, site.Start(t, b.Host, "-listen", ":53"))
		}
		t.Run("library", func(t *testing.T) {
			for _, vip := range s.VIPs {
				reply, err := exchange(s.Dial(t, netip.AddrPortFrom(vip, 53)))
				require.NoError(t, err)
				require.Equal(t, []string{"answered by " + vip.String()}, reply.Answer[0].(*dns.TXT).Txt)
			}
		})
		t.Run("dig", func(t *testing.T) {
			for _, vip := range s.VIPs {
				out, err := site.Run(t, s.Client, "dig", "@"+vip.String(), "+short", "+tries=1", "+timeout=10", "who.example", "TXT")
				require.NoError(t, err, out)
				require.Equal(t, fmt.Sprintf("\"answered by %v\"\n", vip), out)
			}
		})
		t.Run("dnsperf", func(t *testing.T) {
			queries := filepath.Join(t.TempDir(), "queries")
			require.NoError(t, os.WriteFile(queries, []byte(strings.Repeat("who.example TXT\n", 200)), 0o666))
			for _, vip := range s.VIPs {
				// 20 sockets, so that each backend is asked.
				out, err := site.Run(t, s.Client, "dnsperf", "-s", vip.String(), "-d", queries, "-n", "1", "-c", "20")
				require.NoError(t, err, out)
				require.Regexp(t, `Queries completed: +200 \(100.00%\)`, out)
				require.Regexp(t, `Response codes: +NOERROR 200 \(100.00%\)`, out)
				for _, p := range programs {
					p.Logged(t, fmt.Sprintf(" asks %v for who.example. TXT", vip))
				}
			}
		})
	})
}

// With net the library sends control messages of its own, if it has the *net.UDPConn itself,
// and the kernel refuses them for IPv6 VIPs. With a net.PacketConn made of one, which limits
// or logs something perhaps, it sends none.
func TestNet(t *testing.T) {
	// What fails is checked here; in the log it would look as if the test failed.
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	site.Each(t, lab.Options{}, func(t *testing.T, s *site.Site) {
		refused := make(chan error, len(s.VIPs))
		for _, b := range s.Backends {
			plain := site.Net.On(t, b.Host, "udp", ":53")
			wrapped := site.Net.On(t, b.Host, "udp", ":5353")
			for _, conn := range []net.PacketConn{plain, struct{ net.PacketConn }{wrapped}} {
				server := newServer(conn)
				server.DecorateWriter = func(w dns.Writer) dns.Writer { return reporter{w, refused} }
				go server.ActivateAndServe() // until the socket is closed
			}
		}
		for _, vip := range s.VIPs {
			if vip.Is4() {
				reply, err := exchange(s.Dial(t, netip.AddrPortFrom(vip, 53)))
				require.NoError(t, err)
				require.NotEmpty(t, reply.Answer)
			} else {
				getsNothing(t, s.Dial(t, netip.AddrPortFrom(vip, 53)), func(net.Addr) {
					require.ErrorIs(t, site.Receive(t, refused), syscall.EINVAL)
				})
			}
			getsNothing(t, s.Dial(t, netip.AddrPortFrom(vip, 5353)), func(client net.Addr) { s.Rejected(t, client) })
		}
	})
}

// exchange sends a query and waits for the answer.
func exchange(conn *site.Connected) (*dns.Msg, error) {
	client := dns.Client{Timeout: site.Patience}
	question := new(dns.Msg).SetQuestion("who.example.", dns.TypeTXT)
	reply, _, err := client.ExchangeWithConn(question, &dns.Conn{Conn: conn.UDPConn})
	return reply, err
}

// getsNothing checks that a client still waits for an answer after what became of it.
func getsNothing(t *testing.T, conn *site.Connected, event func(client net.Addr)) {
	t.Helper()
	result := make(chan error, 1)
	go func() {
		_, err := exchange(conn)
		result <- err
	}()
	event(conn.LocalAddr())
	require.NoError(t, conn.Close())
	require.ErrorIs(t, site.Receive(t, result), net.ErrClosed)
}

// A reporter reports the errors of a server's writes.
type reporter struct {
	dns.Writer
	errs chan<- error
}

func (r reporter) Write(b []byte) (int, error) {
	n, err := r.Writer.Write(b)
	if err != nil {
		r.errs <- err
	}
	return n, err
}
