//go:build linux

package repair_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// A side is one family of a lab with one backend and one VIP.
type side struct {
	name          string
	network       string
	internal, vip func(*lab.Lab) netip.Addr
}

var sides = []side{
	{
		"IPv4", "udp4",
		func(l *lab.Lab) netip.Addr { return l.Backends[0].Internal4 },
		func(l *lab.Lab) netip.Addr { return l.VIPs4[0] },
	},
	{
		"IPv6", "udp6",
		func(l *lab.Lab) netip.Addr { return l.Backends[0].Internal6 },
		func(l *lab.Lab) netip.Addr { return l.VIPs6[0] },
	},
}

// serve runs the naive program.
func serve(t *testing.T, h *lab.Host, network string) {
	t.Helper()
	var c net.PacketConn
	require.NoError(t, h.Do(func() (err error) {
		c, err = net.ListenUDP(network, &net.UDPAddr{Port: lab.Port})
		return err
	}))
	ended := make(chan struct{})
	t.Cleanup(func() {
		c.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		b := make([]byte, 2048)
		for {
			n, client, err := c.ReadFrom(b)
			if err != nil {
				return // closed
			}
			_, _ = c.WriteTo(b[:n], client) // a client that is gone is no matter
		}
	}()
}

// requireRepaired requires that a connected client accepts the naive program's
// answer once the repair is in place, and that it was rejected before.
func requireRepaired(t *testing.T, s side, apply func(h *lab.Host, vip, internal netip.Addr) error) {
	t.Helper()
	l := labtest.New(t, lab.Options{Backends: 1, VIPs: 1})
	host, vip, internal := l.Backends[0].Host, s.vip(l), s.internal(l)
	serve(t, host, s.network)
	arrivals := labtest.Capture(t, l.Client, "eth0")
	client, err := l.Client.DialUDP(s.network, netip.AddrPort{}, netip.AddrPortFrom(vip, lab.Port))
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.SetDeadline(time.Now().Add(10*time.Second)))

	_, err = client.Write([]byte("before"))
	require.NoError(t, err)
	_, err = arrivals.WaitFor(t.Context(), func(p lab.Packet) bool { return p.Kind == lab.PortUnreachable && p.Outgoing })
	require.NoError(t, err)

	require.NoError(t, apply(host, vip, internal))
	_, err = client.Write([]byte("after"))
	require.NoError(t, err)
	b := make([]byte, 2048)
	n, err := client.Read(b)
	require.NoError(t, err)
	require.Equal(t, "after", string(b[:n]))
	answer, err := arrivals.WaitFor(t.Context(), func(p lab.Packet) bool { return !p.Outgoing && string(p.Payload) == "after" })
	require.NoError(t, err)
	requirePseudoHeader(t, answer)
}

// requirePseudoHeader requires that the checksum in a packet goes with its
// addresses. A cable leaves it to its far end to compute, which nobody there
// does; what stands in the header is the sum of the pseudo header (RFC 768, and
// RFC 8200 section 8.1), from which a real interface goes on.
func requirePseudoHeader(t *testing.T, p lab.Packet) {
	t.Helper()
	const ethernet, udp, protocol = 14, 8, 17
	length := udp + len(p.Payload)
	pseudo := append(p.Src.Addr().AsSlice(), p.Dst.Addr().AsSlice()...)
	sum := uint32(protocol + length)
	for i := 0; i < len(pseudo); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(pseudo[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	ip := 20
	if p.Src.Addr().Is6() {
		ip = 40
	}
	require.EqualValues(t, sum, binary.BigEndian.Uint16(p.Frame[ethernet+ip+6:]))
}

func dnat(h *lab.Host, vip, internal netip.Addr) error {
	return repair.DNAT(h, netip.AddrPortFrom(vip, lab.Port), internal)
}

func mangle(h *lab.Host, vip, internal netip.Addr) error {
	return repair.Mangle(h, netip.AddrPortFrom(internal, lab.Port), vip)
}

// The rules repair the naive program in either family, with the checksum
// that goes with the new address.
func TestRules(t *testing.T) {
	for _, s := range sides {
		t.Run(s.name+"/DNAT", func(t *testing.T) { requireRepaired(t, s, dnat) })
		t.Run(s.name+"/Mangle", func(t *testing.T) { requireRepaired(t, s, mangle) })
	}
}

// The commands do what the rules do. Where there is no tool to try it, they say
// so and do nothing.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		name     string
		commands func(port uint16, internal netip.Addr, vips ...netip.Addr) []repair.Command
	}{
		{"DNATByIPTables", repair.DNATByIPTables},
		{"DNATByNFT", repair.DNATByNFT},
		{"MangleByNFT", repair.MangleByNFT},
	} {
		for _, s := range sides {
			t.Run(s.name+"/"+c.name, func(t *testing.T) {
				run := func(h *lab.Host, vip, internal netip.Addr) error {
					return repair.Run(h, c.commands(lab.Port, internal, vip)...)
				}
				if requireTool(t, c.commands(lab.Port, netip.IPv6Unspecified(), netip.IPv6Unspecified())[0]) {
					requireRepaired(t, s, run)
				}
			})
		}
	}
}

// requireTool says whether the program of a command is installed, and requires
// of Run that it says the same.
func requireTool(t *testing.T, c repair.Command) bool {
	t.Helper()
	if repair.Installed(c[0]) {
		return true
	}
	require.ErrorIs(t, repair.Run(labtest.NewHost(t, "server"), c), repair.ErrNotInstalled)
	return false
}

// The commands as they are typed are the document's, mended.
func TestTypos(t *testing.T) {
	vip, internal := netip.MustParseAddr("198.51.100.2"), netip.MustParseAddr("10.128.0.2")
	typed := make(map[string]bool)
	for _, c := range append(repair.DNATByIPTables(lab.Port, internal, vip), repair.MangleByNFT(lab.Port, internal, vip)...) {
		typed[c.String()] = true
	}
	mended := 0
	for _, typo := range repair.Typos {
		require.NotEmpty(t, typo.Wrong)
		require.False(t, typed[typo.Printed])
		if typo.Mended != "" {
			require.True(t, typed[typo.Mended], typo.Mended)
			mended++
		}
	}
	require.Equal(t, 2, mended)
	require.True(t, typed["nft add rule ip raw postrouting ip saddr 10.128.0.2 udp sport 60002 ip saddr set 198.51.100.2"])
}

// What the document prints is indeed refused.
func TestTyposAreRefused(t *testing.T) {
	for _, typo := range repair.Typos {
		if typo.Mended == "" {
			continue
		}
		words := repair.Command(strings.Fields(typo.Printed))
		t.Run(words[0], func(t *testing.T) {
			h := labtest.NewHost(t, "server")
			if requireTool(t, words) && words[0] == "nft" {
				require.NoError(t, repair.Run(h, repair.Command{"nft", "add", "table", "ip", "raw"}))
			}
			require.Error(t, repair.Run(h, words))
		})
	}
}

func TestRun(t *testing.T) {
	h := labtest.NewHost(t, "server")
	require.True(t, repair.Installed("true"))
	require.False(t, repair.Installed("no-such-tool"))
	require.NoError(t, repair.Run(h))
	require.NoError(t, repair.Run(h, repair.Command{"true"}, repair.Command{"true"}))

	// Nothing is run where one is missing, and nothing after one that failed.
	left := t.TempDir() + "/left"
	err := repair.Run(h, repair.Command{"touch", left}, repair.Command{"no-such-tool"})
	require.ErrorIs(t, err, repair.ErrNotInstalled)
	require.ErrorContains(t, err, "no-such-tool")
	err = repair.Run(h, repair.Command{"ls", "/no/such/file"}, repair.Command{"touch", left})
	require.ErrorContains(t, err, "on server: ls /no/such/file")
	require.ErrorContains(t, err, "No such file")
	_, err = os.Stat(left)
	require.ErrorIs(t, err, os.ErrNotExist)
}
