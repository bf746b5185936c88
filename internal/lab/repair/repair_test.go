//go:build linux

package repair_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
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
