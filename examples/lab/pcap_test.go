//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"
)

// readPCAP returns the UDP datagrams in a file, as "source > destination payload",
// and the number of ICMP messages.
func readPCAP(t *testing.T, name string) (datagrams []string, icmp int) {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	require.NoError(t, err)
	require.Equal(t, layers.LinkTypeEthernet, r.LinkType())
	for p := range gopacket.NewPacketSource(r, r.LinkType()).Packets() {
		require.Nil(t, p.ErrorLayer())
		switch u := p.TransportLayer().(type) {
		case *layers.UDP:
			from, to := p.NetworkLayer().NetworkFlow().Endpoints()
			datagrams = append(datagrams, fmt.Sprintf("%v:%d > %v:%d %s", from, u.SrcPort, to, u.DstPort, u.Payload))
		default:
			icmp++
		}
	}
	return datagrams, icmp
}

func TestPCAP(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet", "there")
	code, _, stderr := do(t, parse(t, "-pcap", dir, "-vips", "1", "-count", "1"), servers)
	require.Equal(t, 0, code, stderr)

	var want []string
	for _, s := range []string{"net", "dsrudp"} {
		for _, b := range []string{"ecmp", "maglev"} {
			for _, f := range []string{"ipv4", "ipv6"} {
				for _, h := range []string{"client", "backend1", "backend2"} {
					want = append(want, fmt.Sprintf("%s-%s-%s-%s.pcap", s, b, f, h))
				}
			}
		}
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.ElementsMatch(t, want, names)

	for _, lb := range []string{"ecmp", "maglev"} {
		const (
			asked  = "203.0.113.2:40695 > 198.51.100.2:60002 request 1 to 198.51.100.2"
			answer = ":60002 > 203.0.113.2:40695 ECHO: request 1 to 198.51.100.2"
		)
		file := func(server, host string) string {
			return filepath.Join(dir, server+"-"+lb+"-ipv4-"+host+".pcap")
		}
		// The request is in the file of the backend that got it.
		backend := func(server string) (string, []string) {
			first, _ := readPCAP(t, file(server, "backend1"))
			second, _ := readPCAP(t, file(server, "backend2"))
			require.Len(t, append(first[:len(first):len(first)], second...), 2)
			if len(first) > 0 {
				return "10.128.0.2", first
			}
			return "10.128.0.3", second
		}
		outside := map[string]string{"10.128.0.2": "198.51.100.3", "10.128.0.3": "198.51.100.4"}

		own, datagrams := backend("net")
		require.Equal(t, []string{asked, own + answer}, datagrams)
		datagrams, icmp := readPCAP(t, file("net", "client"))
		require.Equal(t, []string{asked, outside[own] + answer}, datagrams)
		require.Equal(t, 1, icmp)

		_, datagrams = backend("dsrudp")
		require.Equal(t, []string{asked, "198.51.100.2" + answer}, datagrams)
		datagrams, icmp = readPCAP(t, file("dsrudp", "client"))
		require.Equal(t, []string{asked, "198.51.100.2" + answer}, datagrams)
		require.Zero(t, icmp)
	}
}

func TestPCAPThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(dir, nil, 0o666))
	code, stdout, stderr := do(t, parse(t, "-pcap", dir, "-json"), servers)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, dir)
	require.False(t, decode(t, []byte(stdout)).OK)
}
