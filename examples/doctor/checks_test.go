//go:build linux

package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

// The kernels are told apart by what they report about themselves.
func TestK8_5_K6_5_Kernels(t *testing.T) {
	linux := func(release string) Kernel {
		return Kernel{Release: release, Version: "Linux version " + release + " (gcc) #1 SMP", GSO: true, GRO: true}
	}
	for _, c := range []struct {
		kernel   Kernel
		id       string
		severity Severity
	}{
		{linux("6.18.44-fc"), "kernel", OK},
		{linux("7.0"), "kernel-corrupts", Warn},
		{linux("7.0.12-rc1"), "kernel-corrupts", Warn},
		{linux("7.1.4-arch1"), "kernel-corrupts", Warn},
		{linux("7.1.5"), "kernel", OK},
		{linux("7.10.1"), "kernel", OK},
		{linux("6.19.7"), "kernel", OK},
		{Kernel{Release: "4.15.0", GSO: false}, "kernel-offload", Note},
		{Kernel{Release: "4.19.0", GSO: true}, "kernel-offload", Note},
		{Kernel{Release: "4.4.0", Version: "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016"}, "gvisor", Bad},
		{linux("4.19.0-gvisor"), "gvisor", Bad},
	} {
		fs := checkKernel(&Host{Kernel: c.kernel})
		require.Len(t, fs, 1)
		require.Equal(t, []any{c.id, c.severity}, []any{fs[0].ID, fs[0].Severity}, "%+v", c.kernel)
	}
	require.NotEmpty(t, readKernel().Release)
}

// Findings that take a host other than that of the lab.
func TestChecks(t *testing.T) {
	vip := netip.MustParseAddr("192.0.2.1")
	onLo := []Local{{Prefix: netip.PrefixFrom(vip, 32), Dev: "lo", Protocol: 3}}
	eth := Interface{Name: "eth0", ARPIgnore: 1, ARPAnnounce: 2, DefaultRoute: true}
	other := Interface{Name: "eth1", RPFilter: 1, ARPIgnore: 1, ARPAnnounce: 2}
	base := func(change func(h *Host)) *Host {
		h := &Host{VIPs: []netip.Addr{vip}, Locals: onLo, Interfaces: []Interface{eth}, Kernel: Kernel{Release: "6.1", GSO: true, GRO: true}}
		change(h)
		return h
	}
	for _, c := range []struct {
		name     string
		host     *Host
		id       string // or none but findings that are in order
		severity Severity
		says     string
	}{
		{"in order", base(func(*Host) {}), "", OK, ""},
		{"strict where VIPs may arrive", base(func(h *Host) { h.Interfaces = append(h.Interfaces, other) }), "rp-filter", Warn, "rp_filter is 1 on eth1"},
		{"a range, and too many", base(func(h *Host) { h.More = 3 }), "vip-found", OK, "first 16"},
		{"legacy iptables", base(func(h *Host) { h.LegacyTables = []string{"nat", "filter"} }), "firewall-legacy", Note, "nat, filter."},
		{"drops the rest, but not the test", base(func(h *Host) {
			h.Port, h.Firewall, h.Live = 9, []Rule{{Does: "drops", Rest: true}}, []Live{{VIP: vip, Arrived: true}, {VIP: vip, Arrived: true, Accepted: true}}
			h.Sockets = []Socket{{Local: netip.MustParseAddrPort("0.0.0.0:9")}}
		}), "", OK, ""},
		{"drops the rest, accepts some", base(func(h *Host) {
			h.Port, h.Firewall = 9, []Rule{{Does: "accepts", Some: true}, {Does: "drops", Rest: true}}
			h.Sockets = []Socket{{Local: netip.MustParseAddrPort("0.0.0.0:9")}}
		}), "firewall-drops", Warn, "plainly"},
		{"health check by TCP", base(func(h *Host) { h.HealthPort = 9; h.Health = []Probe{{VIP: vip}} }), "health", Note, "does not speak HTTP"},
		{"larger write buffer", base(func(h *Host) {
			h.Interfaces[0].Subnet, h.Interfaces[0].UnresQlenBytes = true, 212992
			h.WriteBuffer, h.GotWriteBuffer, h.DefaultWriteBuffer = 4<<20, 4<<20, 212992
		}), "", OK, ""},
		{"net right too", base(func(h *Host) {
			h.Live = []Live{{VIP: vip, Accepted: true}, {VIP: vip, Accepted: true}}
		}), "live", OK, "answers of net and of dsrudp"},
		{"filtered for another port", base(func(h *Host) {
			h.Live = []Live{{VIP: vip}, {VIP: vip}}
		}), "live-filtered", Warn, "reaches no server"},
		{"answer from elsewhere", base(func(h *Host) {
			h.Live = []Live{{VIP: vip}, {VIP: vip, Arrived: true, From: netip.MustParseAddr("10.0.0.1")}}
		}), "live-failed", Bad, "its answer comes from 10.0.0.1"},
		{"answer from another port", base(func(h *Host) {
			h.Answers = []Answer{{To: netip.AddrPortFrom(vip, 69), From: netip.AddrPortFrom(vip, 6900)}}
		}), "ask-source", Bad, "asked your server at 192.0.2.1:69, and rejects its answer, which came from 192.0.2.1:6900"},
	} {
		fs := diagnose(c.host)
		wrong := only(fs, func(f Finding) bool { return f.Severity != OK })
		i := slices.IndexFunc(fs, func(f Finding) bool { return f.ID == c.id })
		if c.id == "" {
			require.Empty(t, wrong, c.name)
			continue
		}
		require.GreaterOrEqual(t, i, 0, "%s: %v", c.name, fs)
		require.Equal(t, c.severity, fs[i].Severity, c.name)
		require.Contains(t, fs[i].Seen+fs[i].Means, c.says, c.name)
		require.LessOrEqual(t, len(wrong), 1, c.name)
	}
}

// VIPs are those of local routes that are not an interface's own, once each, and bounded.
func TestChooseVIPs(t *testing.T) {
	h := &Host{Locals: []Local{
		{Prefix: netip.MustParsePrefix("10.0.0.1/32"), Owned: true},
		{Prefix: netip.MustParsePrefix("198.51.100.0/24")},
		{Prefix: netip.MustParsePrefix("2001:db8::/96")},
		{Prefix: netip.MustParsePrefix("2001:db8::1/128")},
	}}
	h.chooseVIPs()
	require.Equal(t, "198.51.100.1, 2001:db8::1", list(h.VIPs))
	for i := range 20 {
		h.Locals = append(h.Locals, Local{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), 32)})
	}
	h.VIPs = nil
	h.chooseVIPs()
	require.Len(t, h.VIPs, mostVIPs)
	require.Equal(t, 6, h.More)
}

// The rules of nftables as nft lists them, also those that iptables wrote, and what they do
// to UDP to port 60002.
func TestFirewall(t *testing.T) {
	for _, program := range []string{"nft", "iptables"} {
		if !repair.Installed(program) {
			t.Skipf("%s is not installed; .ci/run installs it", program)
		}
	}
	h := labtest.NewHost(t, "filtered")
	const accept, drop = "type filter hook input priority 0; policy accept; ", "type filter hook input priority 0; policy drop; "
	for _, c := range []struct{ rules, want string }{
		{accept + "udp dport { 53, 60001 } drop; tcp dport 60002 drop; udp dport 60003-60010 drop; udp sport 60002 drop", ""},
		{accept + "udp dport { 53, 60002 } counter drop", "drops"},
		{accept + "udp dport { 1-52, 60000-60010 } reject", "drops"},
		{accept + "udp dport 60000-60010 drop comment \"no 60002\"", "drops"},
		{accept + "udp dport != 53 drop; udp dport != { 53, 60002 } drop", "drops"},
		{accept + "udp dport vmap { 53 : accept, 60002 : drop }", "drops"},
		{accept + "meta l4proto . th dport { udp . 60002 } drop", "drops"},
		{accept + "ip saddr 203.0.113.0/24 udp dport 60002 drop", "drops some"},
		{accept + "udp dport 60002 limit rate over 10/second drop", "drops some"},
		{accept + "ip saddr 203.0.113.0/24 drop", ""},
		{accept + "ct state established accept; reject with icmpx type admin-prohibited", "drops the rest"},
		{accept + "meta l4proto tcp drop; ip protocol udp accept; drop", "accepts the rest; drops the rest"},
		{drop + "ct state established,related accept; iifname lo accept; tcp dport 22 accept", "drops the rest"},
		{drop + "udp dport 60002 ct state { new, untracked } accept", "accepts; drops the rest"},
		{drop + "ct state established,new udp dport 60002 log prefix \"drop \" accept", "accepts; drops the rest"},
		{drop + "iifname eth0 udp dport 60002 accept", "accepts some; drops the rest"},
		{drop + "udp dport 60002 accept", "accepts; drops the rest"},
		{"type filter hook forward priority 0; policy drop; tcp dport 22 accept; drop", ""},
		{"type nat hook prerouting priority -100; udp dport 60002 redirect to :53", "translates"},
		{"type filter hook prerouting priority -300; ip daddr 198.51.100.2 udp dport 60002 ip daddr set 10.0.0.1", "rewrites"},
		{"iptables -A INPUT -p udp --dport 60002 -j DROP", "drops"},
		{"iptables -A INPUT -p udp -m multiport --dports 53,60002 -m comment --comment no -j REJECT", "drops"},
		{"iptables -A INPUT -p udp --dport 53 -j DROP", ""},
		{"iptables -t nat -A PREROUTING -p udp -d 198.51.100.2 --dport 60002 -j DNAT --to-destination 10.0.0.1", "translates some"},
	} {
		t.Run(c.rules, func(t *testing.T) {
			cmd := repair.Command(strings.Fields(c.rules))
			if cmd[0] != "iptables" {
				cmd = repair.Command{"nft", "table inet t {\n chain c {\n" + c.rules + "\n}\n}"}
			}
			require.NoError(t, repair.Run(h, cmd))
			defer func() { require.NoError(t, repair.Run(h, repair.Command{"nft", "flush ruleset"})) }()
			var rules []Rule
			require.NoError(t, h.Do(func() (err error) {
				rules, err = readFirewall(lab.Port)
				return err
			}))
			var got []string
			for _, r := range rules {
				s := r.Does
				switch {
				case r.Rest:
					s += " the rest"
				case r.Some:
					s += " some"
				}
				got = append(got, s)
			}
			require.Equal(t, c.want, strings.Join(got, "; "), "%+v", rules)
		})
	}
}

func TestParseSockets(t *testing.T) {
	const heading = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
	v4 := "  123: 026433C6:EA62 00000000:0000 07 00000000:00000300 00:00000000 00000000   101        0 4711 2 0 9\n" +
		"  124: 026433C6:EA62 01010101:0035 01 00000000:00000000 00:00000000 00000000   101        0 4712 2 0 0\n"
	v6 := "  125: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4713 2 0 0\n" +
		"  126: B80D0120000000000000000002000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4714 2 0 0\n"
	if a, _ := parseHexAddr("0100007F:0001"); a.Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Skip("the table is that of a little-endian host")
	}
	require.Equal(t, []Socket{
		{Local: netip.MustParseAddrPort("198.51.100.2:60002"), UID: 101, Inode: 4711, Queued: 0x300, Drops: 9},
		{Local: netip.MustParseAddrPort("[::]:53"), Inode: 4713},
		{Local: netip.MustParseAddrPort("[2001:db8::2]:53"), Inode: 4714},
	}, parseSockets(heading+v4+heading+v6))
}

// What is printed for people comes with problems first, and fits their terminal.
func TestPrintText(t *testing.T) {
	var b strings.Builder
	fs := diagnose(&Host{Options: Options{Asked: []netip.Addr{lab.FirstVIP4}}, VIPs: []netip.Addr{lab.FirstVIP4}, Kernel: Kernel{Release: "6.1"}})
	require.NoError(t, printText(&b, fs))
	require.True(t, strings.HasPrefix(b.String(), "bad   198.51.100.2 is not local to this host. (vip-missing)\n      The kernel drops"), b.String())
	require.Contains(t, b.String(), "\n      Do: add it:\n          sudo ip route add local 198.51.100.2/32 dev lo\n      On Google Cloud see ")
	require.Contains(t, b.String(), "-agent*'\n\nnote  The kernel, Linux 6.1,")
	require.Contains(t, b.String(), "\n\nFound: 1 bad, 0 warnings, 1 note, ")
	for line := range strings.Lines(b.String()) {
		require.LessOrEqual(t, len(strings.TrimRight(line, "\n")), width, line)
	}
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{
		{"-listen", ":0"},
		{"-listen", "port"},
		{"-health", "http"},
		{"-read-buffer", "-1"},
		{"198.51.100"},
		{"fe80::1%eth0"},
		{"::"},
		{"-what"},
		{"-ask", "dns"},
		{"-listen", ":53", "-ask", "what?"},
		{"-listen", ":53", "-ask", ""},
	} {
		var out, errs strings.Builder
		require.Equal(t, 2, run(args, &out, &errs), args)
		require.Empty(t, out.String())
		require.Regexp(t, "^doctor: .*; see -help\n$", errs.String())
	}
	var out, errs strings.Builder
	require.Zero(t, run([]string{"-help"}, &out, &errs))
	require.Contains(t, out.String(), "Exit status:")
	require.Contains(t, out.String(), "not yours")
	o, err := parse([]string{"-listen", "10.0.0.1:53", "-health", "8080/ready", "-ask", "6869", "::ffff:198.51.100.2"})
	require.NoError(t, err)
	require.Equal(t, Options{Port: 53, TryLive: true, HealthPort: 8080, HealthPath: "/ready", Ask: []byte("hi"), Asked: []netip.Addr{lab.FirstVIP4}}, o)
}
