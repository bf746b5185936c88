//go:build linux

package repair_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
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
	address       netip.Addr // any of the family
	internal, vip func(*lab.Lab) netip.Addr
}

var sides = []side{
	{
		"IPv4", "udp4", lab.FirstVIP4,
		func(l *lab.Lab) netip.Addr { return l.Backends[0].Internal4 },
		func(l *lab.Lab) netip.Addr { return l.VIPs4[0] },
	},
	{
		"IPv6", "udp6", lab.FirstVIP6,
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

// The commands do what the rules do.
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
				needTool(t, c.commands(lab.Port, s.address, s.address)[0][0])
				requireRepaired(t, s, run)
			})
		}
	}
}

// needTool skips a test where a program is not installed, of which Run must say
// the same.
func needTool(t *testing.T, name string) {
	t.Helper()
	if !repair.Installed(name) {
		require.ErrorIs(t, repair.Run(labtest.NewHost(t, "server"), repair.Command{name}), repair.ErrNotInstalled)
		t.Skipf("%s is not installed", name)
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

// What the document prints is indeed refused, or not needed.
func TestTyposAreRefused(t *testing.T) {
	for _, typo := range repair.Typos {
		words := repair.Command(strings.Fields(typo.Printed))
		if typo.Mended == "" {
			continue // TestRuleThatIsNotNeeded
		}
		t.Run(words[0], func(t *testing.T) {
			needTool(t, words[0])
			h := labtest.NewHost(t, "server")
			if words[0] == "nft" {
				require.NoError(t, repair.Run(h, repair.Command{"nft", "add", "table", "ip", "raw"}))
			}
			require.Error(t, repair.Run(h, words))
		})
	}
}

// The document's first rule matches nothing that has to do with a client on
// another host, be it for a VIP or for the host's own address; but a client on the
// host itself it does.
func TestRuleThatIsNotNeeded(t *testing.T) {
	needTool(t, "iptables")
	l := labtest.New(t, lab.Options{Backends: 1, VIPs: 1})
	b := l.Backends[0]
	serve(t, b.Host, "udp4")
	require.NoError(t, repair.Run(b.Host, strings.Fields(repair.Typos[0].Printed)))
	require.NoError(t, repair.Run(b.Host, repair.DNATByIPTables(lab.Port, b.Internal4, l.VIPs4[0])...))
	ask := func(from *lab.Host, to netip.Addr) {
		for range 3 { // each the first of its connection, which alone passes the chain
			c, err := from.DialUDP("udp4", netip.AddrPort{}, netip.AddrPortFrom(to, lab.Port))
			require.NoError(t, err)
			require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
			_, err = c.Write([]byte("request"))
			require.NoError(t, err)
			_, err = c.Read(make([]byte, 16))
			require.NoError(t, err)
			require.NoError(t, c.Close())
		}
	}
	ask(l.Client, l.VIPs4[0])
	ask(l.Client, b.External4)
	require.Equal(t, []int{0}, matches(t, b.Host, "POSTROUTING"))
	require.Equal(t, []int{3}, matches(t, b.Host, "PREROUTING"), "it counts")
	ask(b.Host, b.Internal4)
	require.Equal(t, []int{3}, matches(t, b.Host, "POSTROUTING"))
}

// matches returns how many datagrams each rule of a chain has matched.
func matches(t *testing.T, h *lab.Host, chain string) (counts []int) {
	t.Helper()
	var out []byte
	require.NoError(t, h.Do(func() (err error) {
		// It is looked for where an ordinary user's PATH does not lead.
		out, err = exec.Command("env", "PATH=/usr/sbin:/sbin:/usr/bin:/bin", "iptables", "-t", "nat", "-v", "-S", chain).CombinedOutput()
		return err
	}), "%s", out)
	for line := range strings.Lines(string(out)) {
		_, counters, found := strings.Cut(line, " -c ")
		if !strings.HasPrefix(line, "-A ") || !found {
			continue
		}
		var n int
		_, err := fmt.Sscan(counters, &n)
		require.NoError(t, err, line)
		counts = append(counts, n)
	}
	return counts
}
