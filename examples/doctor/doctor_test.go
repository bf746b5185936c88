//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

func TestMain(m *testing.M) { labtest.ProgramMain(m, main, nil) }

// A backend is the host that is broken, and the address that most breakages are about.
type backend struct {
	*lab.Backend
	vip, vip6 netip.Addr
}

// A finding as it is in JSON.
type finding struct{ ID, Severity, Seen, Means, Do string }

// doctor runs the program on the host, and returns its exit status and its findings by id.
// The function before, if there is one, restricts the thread that starts it.
func (b backend) doctor(t *testing.T, before func(), args ...string) (status int, found map[string]finding) {
	t.Helper()
	cmd := labtest.Program(t, append([]string{"-json"}, args...)...)
	cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0") // it is to end at once, as without the race detector
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, b.Do(func() error {
		if before != nil {
			before()
		}
		return cmd.Start()
	}))
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	require.Empty(t, errs.String())
	var answer struct {
		OK       bool
		Findings []finding
	}
	require.NoError(t, json.Unmarshal([]byte(out.String()), &answer), out.String())
	found = map[string]finding{}
	for _, f := range answer.Findings {
		if _, ok := found[f.ID]; ok {
			f.Seen = found[f.ID].Seen + " " + f.Seen
		}
		found[f.ID] = f
	}
	require.Equal(t, answer.OK, cmd.ProcessState.ExitCode() == 0)
	return cmd.ProcessState.ExitCode(), found
}

// listen opens a socket on the host until the test ends.
func (b backend) listen(t *testing.T, network, address string, options ...int) net.PacketConn {
	t.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return c.Control(func(fd uintptr) {
			for _, o := range options {
				require.NoError(t, unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o, 1))
			}
		})
	}}
	var c net.PacketConn
	require.NoError(t, b.Do(func() (err error) {
		c, err = lc.ListenPacket(t.Context(), network, address)
		return err
	}))
	t.Cleanup(func() { c.Close() })
	return c
}

// serve answers HTTP on the host until the test ends.
func (b backend) serve(t *testing.T, address string, code int) {
	t.Helper()
	var l net.Listener
	require.NoError(t, b.Do(func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	}))
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
}

// set changes settings of the kernel until the test ends.
func (b backend) set(t *testing.T, settings ...string) {
	t.Helper()
	for i := 0; i < len(settings); i += 2 {
		key, value := settings[i], settings[i+1]
		var old int
		require.NoError(t, b.Do(func() error {
			old = sysctl(strings.ReplaceAll(key, ".", "/"))
			return nil
		}))
		require.NoError(t, b.Sysctl(key, value))
		t.Cleanup(func() { require.NoError(t, b.Sysctl(key, fmt.Sprint(old))) })
	}
}

// filter adds a chain with rules until the test ends.
func (b backend) filter(t *testing.T, rules string) {
	t.Helper()
	if !repair.Installed("nft") {
		t.Skip("nft is not installed; .ci/run installs it")
	}
	require.NoError(t, repair.Run(b.Host, repair.Command{"nft", "table inet broken {\n chain c {\n" + rules + "\n}\n}"}))
	t.Cleanup(func() { require.NoError(t, repair.Run(b.Host, repair.Command{"nft", "delete table inet broken"})) })
}

// listen is the flag for the server of the lab.
var listen = fmt.Sprintf("-listen=:%d", lab.Port)

// A breakage is a host broken on purpose, and what the doctor must say of it.
type breakage struct {
	name     string
	do       func(t *testing.T, b backend)
	args     []string
	before   func()
	id       string // of the finding
	severity Severity
	says     []string
	alone    bool // nothing else is wrong
}

func local(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

var breakages = []breakage{
	{
		name: "VIP without its route", id: "vip-missing", severity: Bad,
		do: func(t *testing.T, b backend) {
			require.NoError(t, b.DelLocalRoute(local(b.vip), "eth0"))
			t.Cleanup(func() { require.NoError(t, b.AddLocalRoute(local(b.vip), "eth0")) })
		},
		// It may be another host's, so nothing is sent to it, and nothing else is said of it.
		args: []string{"-live", "-health=8080", "-ask=68690a", "198.51.100.2"}, alone: true,
		says: []string{
			"198.51.100.2 is not local", "on Google Cloud see why the guest agent", "systemctl status 'google-guest-agent*'",
			"Elsewhere add it:\n\tsudo ip route add local 198.51.100.2/32 dev lo",
		},
	},
	{
		name: "strict reverse path filter", id: "rp-filter", severity: Bad,
		do:   func(t *testing.T, b backend) { b.set(t, "net.ipv4.conf.eth0.rp_filter", "1") },
		says: []string{"rp_filter is 1 on eth0", "sysctl -w net.ipv4.conf.eth0.rp_filter=2"},
	},
	{
		name: "ARP for VIPs on lo", id: "arp", severity: Warn,
		do: func(t *testing.T, b backend) {
			vip := netip.MustParsePrefix("192.0.2.7/32")
			require.NoError(t, b.AddAddr("lo", vip))
			t.Cleanup(func() { require.NoError(t, b.DelAddr("lo", vip)) })
		},
		says: []string{"eth0 (arp_ignore=0, arp_announce=0)", "only where", "IPVS-DR", "conf.eth0.arp_ignore=1"},
	},
	{
		name: "server on its own address", id: "listen-address", severity: Bad,
		do:   func(t *testing.T, b backend) { b.listen(t, "udp", netip.AddrPortFrom(b.Internal4, 60003).String()) },
		args: []string{"-listen=:60003"},
		says: []string{"open only as 10.128.0.2:60003 by SELF[", "198.51.100.2, 198.51.100.101, 2001:db8:198:51::2", "dsrudp.ListenUDP"},
	},
	{
		name: "server for IPv6 only", id: "listen-address", severity: Bad,
		do:   func(t *testing.T, b backend) { b.listen(t, "udp6", "[::]:60003") },
		args: []string{"-listen=:60003"},
		says: []string{"[::]:60003 by SELF[", ", for IPv6 only", "sent to 198.51.100.2, 198.51.100.101 reaches no socket"},
	},
	{
		name: "nobody listens", id: "listen-nobody", severity: Warn,
		args: []string{"-listen=:60003"},
		says: []string{"Nobody listens on UDP port 60003"},
	},
	{
		name: "wildcard shadowed", id: "listen-shadowed", severity: Warn,
		do: func(t *testing.T, b backend) {
			b.listen(t, "udp", netip.AddrPortFrom(b.vip, 60003).String(), unix.SO_REUSEADDR)
			b.other(t, 60003)
		},
		args: []string{"-listen=:60003"},
		says: []string{"sent to 198.51.100.2 goes to 198.51.100.2:60003 by SELF[", "not to [::]:60003 by "},
	},
	{
		name: "two servers on one port", id: "listen-shared", severity: Warn,
		do: func(t *testing.T, b backend) {
			b.listen(t, "udp", ":60003", unix.SO_REUSEADDR)
			b.other(t, 60003)
		},
		args: []string{"-listen=:60003"},
		says: []string{"Several processes share the port: [::]:60003 by ", ", [::]:60003 by ", "SELF["},
	},
	{
		name: "server that does not read", id: "listen-drops", severity: Warn,
		do: func(t *testing.T, b backend) {
			c := b.listen(t, "udp", ":60003").(*net.UDPConn)
			require.NoError(t, c.SetReadBuffer(1))
			client, err := b.DialUDP("udp", netip.AddrPort{}, netip.AddrPortFrom(b.vip, 60003))
			require.NoError(t, err)
			defer client.Close()
			for range 50 {
				_, err := client.Write(make([]byte, 1000))
				require.NoError(t, err)
			}
		},
		args: []string{"-listen=:60003"},
		says: []string{"has dropped ", "[::]:60003 by SELF[", "ReadBuffer"},
	},
	{
		name: "input that drops the port", id: "firewall-drops", severity: Bad,
		do: func(t *testing.T, b backend) {
			b.filter(t, "type filter hook input priority 0; udp dport 60002 counter drop")
		},
		says: []string{`drops UDP to the port: "udp dport 60002 counter packets 0 bytes 0 drop"`, "nft -a list chain inet broken c"},
	},
	{
		name: "input that accepts another port", id: "firewall-drops", severity: Bad,
		do: func(t *testing.T, b backend) {
			b.filter(t, "type filter hook input priority 0; policy drop; iifname lo accept; udp dport 53 accept")
		},
		args: []string{"198.51.100.2"},
		says: []string{`drops what no rule accepts ("policy drop"), and none is plainly for UDP to port 60002`},
	},
	{
		name: "test on another port filtered", id: "live-filtered", severity: Warn,
		do: func(t *testing.T, b backend) {
			b.filter(t, "type filter hook input priority 0; policy drop; udp dport 60002 accept")
		},
		args: []string{"198.51.100.2"},
		says: []string{"reaches no server, on another port", "packet filter drops"},
	},
	{
		name: "destination translated", id: "firewall-translates", severity: Warn,
		do: func(t *testing.T, b backend) {
			b.filter(t, "type nat hook prerouting priority -100; udp dport 60002 redirect to :53")
		},
		says: []string{"translates UDP to the port"},
	},
	{
		name: "an ordinary user", id: "live-loopback", severity: Note,
		before: func() { drop(unix.CAP_NET_ADMIN, unix.CAP_SYS_ADMIN) },
		says:   []string{"rules of nftables cannot be read", "over loopback: a network namespace was not to be had", "not permitted", "run this as root"},
	},
	{
		name: "netlink denied", id: "netlink-denied", severity: Bad,
		before: forbidNetlink,
		args:   []string{"-live", "198.51.100.2", "2001:db8:198:51::2"},
		says: []string{
			"address family not supported", "IPv6 VIPs that are only local routes do not work", "AF_NETLINK",
			"a client over loopback that asks 198.51.100.2 gets the answer of dsrudp",
			"a client over loopback that asks 2001:db8:198:51::2 gets no answer of dsrudp (", "As netlink is denied",
		},
	},
	{
		name: "health check on the own address", id: "health-silent", severity: Bad,
		do: func(t *testing.T, b backend) {
			b.serve(t, netip.AddrPortFrom(b.Internal4, 8080).String(), http.StatusOK)
		},
		args: []string{"-health=8080"},
		says: []string{"198.51.100.2 fails", "2001:db8:198:51::2 fails", "connection refused", "listen on the wildcard"},
	},
	{
		name: "health check that says no", id: "health-status", severity: Bad,
		do:   func(t *testing.T, b backend) { b.serve(t, ":8080", http.StatusServiceUnavailable) },
		args: []string{"-health=8080/ready"},
		says: []string{"port 8080/ready answers", "503"},
	},
	{
		name: "buffers that are not given", id: "read-buffer", severity: Bad,
		args: []string{"-read-buffer=1000000000"},
		says: []string{"asks for a buffer of 1000000000 bytes gets", "net.core.rmem_max=1000000000"},
	},
	{
		name: "neighbours that fill the buffer", id: "neighbours", severity: Note,
		do: func(t *testing.T, b backend) {
			subnet := netip.MustParsePrefix("192.0.2.1/24")
			require.NoError(t, b.AddAddr("eth1", subnet))
			t.Cleanup(func() { require.NoError(t, b.DelAddr("eth1", subnet)) })
			b.set(t, "net.ipv4.neigh.eth1.unres_qlen_bytes", "212992")
		},
		says: []string{"On eth1 up to 212992 bytes", "default settings", "WriteBuffer"},
	},
	{
		name: "server of net", id: "ask-source", severity: Bad, alone: true,
		do:   func(t *testing.T, b backend) { answer(b.listen(t, "udp", ":60003")) },
		args: []string{"-listen=:60003", "-ask=68690a"},
		says: []string{
			"asked your server at 198.51.100.2:60003, and rejects its answer, which came from 10.128.0.2:60003",
			"asked your server at [2001:db8:198:51::2]:60003, and rejects its answer, which came from [",
			"dsrudp.ListenUDP(\"udp\", &net.UDPAddr{Port: 60003}) // was net.ListenUDP",
		},
	},
	{
		name: "server of net, asked by an ordinary user", id: "ask-source", severity: Bad, alone: true,
		do:     func(t *testing.T, b backend) { answer(b.listen(t, "udp", ":60003")) },
		before: func() { drop(unix.CAP_NET_ADMIN, unix.CAP_SYS_ADMIN) },
		args:   []string{"-listen=:60003", "-ask=dns", "198.51.100.2"},
		says:   []string{"A client over loopback asked your server at 198.51.100.2:60003, and rejects its answer, which came from 127.0.0.1:60003"},
	},
	{
		name: "server of net, tried on loopback", id: "ask-source", severity: Bad, alone: true,
		do:   func(t *testing.T, b backend) { answer(b.listen(t, "udp", ":60003")) },
		args: []string{"-listen=:60003", "-ask=dns", "-live", "127.0.0.2"},
		says: []string{
			"a client over loopback that asks 127.0.0.2 gets the answer of dsrudp, and none of net",
			"A client over loopback asked your server at 127.0.0.2:60003, and rejects its answer, which came from 127.0.0.1:60003",
		},
	},
	{
		name: "server of dsrudp", id: "ask", severity: OK, alone: true,
		do: func(t *testing.T, b backend) {
			var c net.PacketConn
			require.NoError(t, b.Do(func() (err error) {
				c, err = dsrudp.ListenPacket("udp", ":60003")
				return err
			}))
			t.Cleanup(func() { c.Close() })
			answer(c)
		},
		args: []string{"-listen=:60003", "-ask=dns"},
		says: []string{
			"Your server answers from 198.51.100.2:60003, which a client from a namespace of its own asked.",
			"Your server answers from [2001:db8:198:51::2]:60003",
		},
	},
	{
		name: "server that does not answer", id: "ask-silent", severity: Warn,
		do:   func(t *testing.T, b backend) { b.listen(t, "udp", ":60003") },
		args: []string{"-listen=:60003", "-ask=dns", "198.51.100.2"},
		says: []string{"Nothing came back from your server at 198.51.100.2:60003 in 2s"},
	},
	{
		name: "no VIP at all", id: "vip-none", severity: Bad,
		do: func(t *testing.T, b backend) {
			routes, err := b.Netlink().RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: unix.RT_TABLE_LOCAL, Protocol: guestAgent},
				netlink.RT_FILTER_TABLE|netlink.RT_FILTER_PROTOCOL)
			require.NoError(t, err)
			require.Len(t, routes, 4)
			for _, r := range routes {
				require.NoError(t, b.Netlink().RouteDel(&r))
			}
			t.Cleanup(func() {
				for _, r := range routes {
					require.NoError(t, b.Netlink().RouteAdd(&r))
				}
			})
		},
		says: []string{"No VIP was found"},
	},
}

// On a host in good order nothing is wrong; on one that is broken on purpose the doctor
// names the reason, and afterwards nothing is left of the test.
func TestDoctor(t *testing.T) {
	l := labtest.New(t, lab.Options{Backends: 1, Asymmetric: true})
	b := backend{l.Backends[0], l.VIPs4[0], l.VIPs6[0]}
	server := b.listen(t, "udp", fmt.Sprintf(":%d", lab.Port))
	healthy := func(t *testing.T) {
		status, found := b.doctor(t, nil, listen)
		require.Zero(t, status, found)
		for id, f := range found {
			require.Contains(t, []string{"ok", "note"}, f.Severity, "%s: %v", id, f)
		}
		require.Contains(t, found["vip-found"].Seen, "on eth0, by Google's guest agent: 198.51.100.2/32, 198.51.100.101/32, 2001:db8:198:51::2/128")
		require.Contains(t, found["listen"].Seen, "[::]:60002 by "+self(t)+"[")
		for vip, own := range map[netip.Addr]netip.Addr{b.vip: b.Internal4, b.vip6: b.Internal6} {
			require.Contains(t, found["live"].Seen, fmt.Sprintf("Asked servers of its own, not yours: a client from a namespace of its own that asks %v gets the answer of dsrudp, "+
				"and none of net (its answer comes from %v, which the client rejects).", vip, own))
		}
	}
	links := func() (names []string) {
		all, err := b.Netlink().LinkList()
		require.NoError(t, err)
		for _, link := range all {
			names = append(names, link.Attrs().Name)
		}
		return names
	}
	before := links()
	t.Run("healthy", healthy)
	for _, c := range breakages {
		t.Run(c.name, func(t *testing.T) {
			if c.do != nil {
				c.do(t, b)
			}
			args := c.args
			if len(args) == 0 || !strings.HasPrefix(args[0], "-listen") {
				args = append([]string{listen}, args...)
			}
			if !strings.HasPrefix(c.id, "live") {
				args = append([]string{"-live=false"}, args...)
			}
			status, found := b.doctor(t, c.before, args...)
			f, ok := found[c.id]
			require.True(t, ok, "%v", found)
			require.Equal(t, c.severity.String(), f.Severity)
			var text string
			for _, f := range found {
				text += strings.Join([]string{f.Seen, f.Means, f.Do, ""}, "\n")
			}
			for _, s := range c.says {
				require.Contains(t, text, strings.ReplaceAll(s, "SELF", self(t)))
			}
			require.Equal(t, c.severity == Bad, status == 1, "%v", found)
			for id, f := range found {
				require.True(t, !c.alone || id == c.id || f.Severity == "ok" || f.Severity == "note", "%v", f)
			}
		})
	}
	t.Run("healthy again", healthy)
	require.Equal(t, before, links())
	require.NoError(t, server.Close())
}

// answer answers each datagram, until c is closed.
func answer(c net.PacketConn) {
	go receive(c, func([]byte) bool { return true }, func(from net.Addr) { c.WriteTo([]byte("answer"), from) })
}

// other has another process listen on the wildcard of a port: a copy of the socket is
// nobody's but that one's when this process has closed its own.
func (b backend) other(t *testing.T, port uint16) {
	t.Helper()
	c := b.listen(t, "udp", fmt.Sprintf(":%d", port), unix.SO_REUSEADDR)
	f, err := c.(*net.UDPConn).File()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	require.NoError(t, errors.Join(f.Close(), c.Close()))
}

// self is the name of this program.
func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	return filepath.Base(exe)
}

// drop takes capabilities from what the thread will start.
func drop(capabilities ...uintptr) {
	for _, c := range capabilities {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			panic(err)
		}
	}
}

// forbidNetlink has socket(AF_NETLINK) fail in what the thread will start, as a unit's
// RestrictAddressFamilies does (seccomp(2)).
func forbidNetlink() {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	unless := func(value uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: skip, K: value}
	}
	filter := []unix.SockFilter{
		load(0), unless(unix.SYS_SOCKET, 3), load(16), unless(unix.AF_NETLINK, 1),
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); errno != 0 {
		panic(errno)
	}
	runtime.KeepAlive(filter)
}
