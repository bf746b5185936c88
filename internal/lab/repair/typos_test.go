//go:build linux

package repair_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

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
