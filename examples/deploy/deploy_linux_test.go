package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"go.yaml.in/yaml/v3"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// patience bounds every wait for an event: it is reached only when a test fails.
const patience = 20 * time.Second

// The VIPs of the guides, and the port.
var (
	vip4 = netip.MustParsePrefix("198.51.100.2/32")
	vip6 = netip.MustParsePrefix("2001:db8:198:51::2/128")
)

const port = 60002

// tool returns the path of a program, also where an ordinary user's PATH does not lead, and
// skips the test if it is not installed.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// read returns a file's text.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(b)
}

// The programs that the files are for accept them, and refuse the same files with a fault.
func TestFiles(t *testing.T) {
	host := labtest.NewHost(t, "director") // with the interface that keepalived's file names
	require.NoError(t, lab.Connect(host, "eth0", host, "eth1"))
	for _, test := range []struct {
		file, tool string
		args       []string // FILE is the file
		old, new   string   // a fault
	}{
		{"ipvs-dr/keepalived.conf", "keepalived", []string{"--config-test", "--use-file", "FILE"}, "lb_kind DR", "lb_kind DSR"},
		{"anycast/bird.conf", "bird", []string{"-p", "-c", "FILE"}, "import none", "import nothing"},
		{"systemd/dsr-server.service", "systemd-analyze", []string{"verify", "FILE"}, "ExecStart", "ExecStar"},
		{"systemd/dsr-server.service", "systemd-analyze", []string{"security", "--offline=true", "--threshold=15", "FILE"}, "CapabilityBoundingSet=", "CapabilityBoundingSet=~"},
		{"systemd/dsr-vips.service", "systemd-analyze", []string{"verify", "FILE"}, "oneshot", "simple"},
		{"../operate/operate.service", "systemd-analyze", []string{"verify", "FILE"}, "Requires=operate.", "Requires=other."},
		{"google-cloud/create.sh", "shellcheck", []string{"FILE"}, "set -eux", "set -eux; cd $PWD"},
		{"google-cloud/delete.sh", "shellcheck", []string{"FILE"}, "set -ux", "set -ux; cd $PWD"},
		{"azure/create.sh", "shellcheck", []string{"FILE"}, "set -eux", "set -eux; cd $PWD"},
	} {
		t.Run(test.tool+" "+test.args[0]+" "+test.file, func(t *testing.T) {
			path := tool(t, test.tool)
			check := func(text string) (out []byte, err error) {
				file := filepath.Join(t.TempDir(), filepath.Base(test.file))
				// With the files beside it, as a unit names others.
				require.NoError(t, os.CopyFS(filepath.Dir(file), os.DirFS(filepath.Dir(test.file))))
				require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
				args := strings.Split(strings.ReplaceAll(strings.Join(test.args, "\n"), "FILE", file), "\n")
				err = host.Do(func() (err error) {
					out, err = exec.Command(path, args...).CombinedOutput()
					return err
				})
				return out, err
			}
			// The units' programs are not installed here.
			text := regexp.MustCompile("/usr/local/bin/[a-z]+").ReplaceAllString(read(t, test.file), "/bin/true")
			out, err := check(text)
			require.NoError(t, err, "%s", out)
			require.Contains(t, text, test.old)
			_, err = check(strings.Replace(text, test.old, test.new, 1))
			require.Error(t, err, "it is refused with a fault")
		})
	}
}

// The manifest is YAML, and has what the guide says of it.
func TestKubernetes(t *testing.T) {
	d := yaml.NewDecoder(strings.NewReader(read(t, "kubernetes/daemonset.yaml")))
	var namespace struct {
		Kind     string
		Metadata struct{ Labels map[string]string }
	}
	require.NoError(t, d.Decode(&namespace))
	require.Equal(t, "privileged", namespace.Metadata.Labels["pod-security.kubernetes.io/enforce"])
	var set struct {
		Kind string
		Spec struct {
			Selector struct {
				MatchLabels map[string]string `yaml:"matchLabels"`
			}
			Template struct {
				Metadata struct{ Labels map[string]string }
				Spec     struct {
					HostNetwork bool `yaml:"hostNetwork"`
					Containers  []struct {
						Args  []string
						Ports []struct {
							ContainerPort int `yaml:"containerPort"`
							Protocol      string
						}
					}
				}
			}
		}
	}
	require.NoError(t, d.Decode(&set))
	require.ErrorIs(t, d.Decode(&set), io.EOF)
	require.Equal(t, "DaemonSet", set.Kind)
	require.Equal(t, set.Spec.Selector.MatchLabels, set.Spec.Template.Metadata.Labels)
	pod := set.Spec.Template.Spec
	require.True(t, pod.HostNetwork)
	require.Len(t, pod.Containers, 1)
	require.Contains(t, pod.Containers[0].Args, "-listen=:60002")
	require.Equal(t, port, pod.Containers[0].Ports[0].ContainerPort)
	require.Equal(t, "UDP", pod.Containers[0].Ports[0].Protocol)
}

// Guides are short, and say what was not tried; each of their links to a file leads to one.
func TestGuides(t *testing.T) {
	guides, err := filepath.Glob("*/README.md")
	require.NoError(t, err)
	require.Len(t, guides, 7)
	for _, guide := range guides {
		text := read(t, guide)
		require.LessOrEqual(t, strings.Count(text, "\n"), 100, guide)
		require.Regexp(t, `\n## What was tried|\n## What was not tried`, text, guide)
		for _, path := range regexp.MustCompile(`examples/[\w/*-]+(\.\w+)?`).FindAllString(text, -1) {
			files, err := filepath.Glob(filepath.Join("../..", path))
			require.NoError(t, err, "%s: %s", guide, path)
			require.NotEmpty(t, files, "%s: %s, seen from the root", guide, path)
		}
		for _, rest := range strings.Split(text, "](")[1:] {
			link, _, _ := strings.Cut(rest, ")")
			require.FileExists(t, filepath.Join(filepath.Dir(guide), link), guide)
		}
	}
}

// The guide of IPVS has the same VIPs everywhere: on the director, as addresses and as services,
// on the backends while their unit is up, and for the doctor.
func TestIPVSAddresses(t *testing.T) {
	vips := func(text string) []string {
		found := regexp.MustCompile(`198\.51\.100\.\d+|2001:db8:198:51:[0-9a-f:]+`).FindAllString(text, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	addresses, services, ok := strings.Cut(read(t, "ipvs-dr/keepalived.conf"), "virtual_server_group")
	require.True(t, ok)
	want := vips(addresses)
	require.Contains(t, want, vip4.Addr().String())
	require.Contains(t, want, vip6.Addr().String())
	require.Equal(t, want, vips(services))
	for _, key := range []string{"ExecStart", "ExecStop"} {
		require.Equal(t, want, vips(fmt.Sprint(commands(t, "systemd/dsr-vips.service", key))), key)
	}
	doctor := regexp.MustCompile(`sudo doctor .*`).FindString(read(t, "ipvs-dr/README.md"))
	require.Equal(t, want, vips(doctor))
}

// What create.sh makes on Google Cloud delete.sh deletes, and nothing else.
func TestGoogleCloudDelete(t *testing.T) {
	named := func(file, verb string) (things []string) {
		commands := strings.ReplaceAll(read(t, "google-cloud/"+file), "\\\n", "")
		found := regexp.MustCompile(`gcloud compute ([a-z -]+) `+verb+`( http)?((\s+dsr\S*)+)`).FindAllStringSubmatch(commands, -1)
		require.Len(t, found, strings.Count(commands, " "+verb+" "), file)
		for _, m := range found {
			for _, name := range strings.Fields(m[3]) {
				things = append(things, m[1]+" "+name)
			}
		}
		return things
	}
	made := named("create.sh", "create")
	require.Contains(t, made, "forwarding-rules dsr6")
	require.ElementsMatch(t, made, named("delete.sh", "delete"))
}

// serve runs an echo server on the host until the test ends.
func serve(t *testing.T, h *lab.Host) {
	t.Helper()
	var conn *dsrudp.Conn
	require.NoError(t, h.Do(func() (err error) {
		conn, err = dsrudp.ListenUDP("udp", &net.UDPAddr{Port: port})
		return err
	}))
	server := &dsrudp.Server{Handler: dsrudp.HandlerFunc(func(w dsrudp.ReplyWriter, p *dsrudp.Packet) {
		_, _ = w.Write(p.Payload())
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(conn) }()
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		<-served
	})
}

// ask asks the VIP from a connected socket on the host.
func ask(t *testing.T, h *lab.Host, vip netip.Prefix) {
	t.Helper()
	c, err := h.DialUDP("udp", netip.AddrPort{}, netip.AddrPortFrom(vip.Addr(), port))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	_, err = c.Write([]byte("hello"))
	require.NoError(t, err)
	b := make([]byte, 16)
	n, err := c.Read(b)
	require.NoError(t, err)
	require.Equal(t, "hello", string(b[:n]))
}

// commands returns the commands that a unit has under a key.
func commands(t *testing.T, unit, key string) (commands []repair.Command) {
	t.Helper()
	for line := range strings.Lines(read(t, unit)) {
		if command, ok := strings.CutPrefix(line, key+"="); ok {
			commands = append(commands, strings.Fields(command))
		}
	}
	require.NotEmpty(t, commands)
	return commands
}

// A backend of IPVS-DR with the guide's settings has the VIPs, does not answer ARP or neighbour
// discovery for them, and answers what comes to its MAC address from the VIP that was asked.
func TestIPVSBackend(t *testing.T) {
	tool(t, "ip")
	backend, router := labtest.NewHost(t, "backend"), labtest.NewHost(t, "router")
	require.NoError(t, lab.Connect(backend, "eth0", router, "eth0"))
	for _, prefix := range []string{"10.128.0.2/24", "2001:db8:10:128::2/64"} {
		require.NoError(t, backend.AddAddr("eth0", netip.MustParsePrefix(prefix)))
	}
	for _, prefix := range []string{"10.128.0.1/24", "2001:db8:10:128::1/64"} {
		require.NoError(t, router.AddAddr("eth0", netip.MustParsePrefix(prefix)))
	}
	for _, vip := range []netip.Prefix{vip4, vip6} {
		require.NoError(t, router.AddRoute(vip, netip.Addr{}, "eth0"))
	}
	// An address that nobody has is to fail soon.
	require.NoError(t, router.Sysctl("net.ipv4.neigh.eth0.retrans_time_ms", "100"))
	require.NoError(t, router.Sysctl("net.ipv6.neigh.eth0.retrans_time_ms", "100"))
	require.NoError(t, repair.Run(backend, commands(t, "systemd/dsr-vips.service", "ExecStart")...))
	serve(t, backend)
	ask(t, router, vip4) // it answers ARP, without the settings

	for line := range strings.Lines(read(t, "ipvs-dr/60-dsr.conf")) {
		if key, value, ok := strings.Cut(line, " = "); ok && !strings.HasPrefix(line, "#") {
			require.NoError(t, backend.Sysctl(key, strings.TrimSpace(value)))
		}
	}
	link, err := backend.Link("eth0")
	require.NoError(t, err)
	index, err := router.Index("eth0")
	require.NoError(t, err)
	neighbor := func(vip netip.Prefix) *netlink.Neigh {
		list, err := router.Netlink().NeighList(index, 0)
		require.NoError(t, err)
		for i, n := range list {
			if n.IP.Equal(vip.Addr().AsSlice()) {
				return &list[i]
			}
		}
		return nil
	}
	require.NoError(t, router.Netlink().NeighDel(neighbor(vip4)))
	for _, vip := range []netip.Prefix{vip4, vip6} {
		c, err := router.DialUDP("udp", netip.AddrPort{}, netip.AddrPortFrom(vip.Addr(), port))
		require.NoError(t, err)
		_, err = c.Write([]byte("who has it?"))
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.Eventually(t, func() bool {
			n := neighbor(vip)
			require.True(t, n == nil || n.HardwareAddr == nil, "the backend says that it has %v", vip)
			return n != nil && n.State == netlink.NUD_FAILED
		}, patience, 10*time.Millisecond, "%v", vip)

		// As the director sends.
		require.NoError(t, router.AddNeighbor("eth0", vip.Addr(), link.Attrs().HardwareAddr))
		ask(t, router, vip)
	}
	require.NoError(t, repair.Run(backend, commands(t, "systemd/dsr-vips.service", "ExecStop")...))
}

// routerConf is that of the router that the server's BIRD announces the VIPs to.
const routerConf = `
router id 192.0.2.1;
log stderr all;
protocol device { }
protocol kernel { ipv4 { export all; }; }
protocol kernel { ipv6 { export all; }; }
template bgp server {
	connect delay time 1;
	connect retry time 1;
	error wait time 1, 1;
}
protocol bgp server4 from server {
	local 192.0.2.1 as 65000;
	neighbor 192.0.2.10 as 65010;
	ipv4 { import all; export none; };
}
protocol bgp server6 from server {
	local 2001:db8:0:2::1 as 65000;
	neighbor 2001:db8:0:2::10 as 65010;
	ipv6 { import all; export none; };
}
`

// bird runs BIRD on the host until the test ends.
func bird(t *testing.T, h *lab.Host, conf string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "bird.conf")
	require.NoError(t, os.WriteFile(file, []byte(conf), 0o644))
	cmd := exec.Command(tool(t, "bird"), "-f", "-c", file, "-s", filepath.Join(dir, "ctl"))
	var log bytes.Buffer
	cmd.Stderr = &log
	require.NoError(t, h.Do(cmd.Start))
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		var exit *exec.ExitError
		require.True(t, errors.As(cmd.Wait(), &exit))
		if t.Failed() {
			t.Logf("bird on %s: %s", h.Name, &log)
		}
	})
}

// A router learns the VIPs while they are addresses of lo, and a client behind it is answered
// from them.
func TestAnycast(t *testing.T) {
	tool(t, "bird")
	server, router, client := labtest.NewHost(t, "server"), labtest.NewHost(t, "router"), labtest.NewHost(t, "client")
	require.NoError(t, lab.Connect(server, "eth0", router, "eth0"))
	require.NoError(t, lab.Connect(router, "eth1", client, "eth0"))
	for _, a := range []struct {
		h           *lab.Host
		dev, prefix string
	}{
		{server, "eth0", "192.0.2.10/24"},
		{server, "eth0", "2001:db8:0:2::10/64"},
		{router, "eth0", "192.0.2.1/24"},
		{router, "eth0", "2001:db8:0:2::1/64"},
		{router, "eth1", "203.0.113.1/24"},
		{router, "eth1", "2001:db8:203::1/64"},
		{client, "eth0", "203.0.113.2/24"},
		{client, "eth0", "2001:db8:203::2/64"},
	} {
		require.NoError(t, a.h.AddAddr(a.dev, netip.MustParsePrefix(a.prefix)))
	}
	require.NoError(t, router.Sysctl("net.ipv4.ip_forward", "1"))
	require.NoError(t, router.Sysctl("net.ipv6.conf.all.forwarding", "1"))
	for _, everything := range []string{"0.0.0.0/0", "::/0"} {
		via4 := strings.HasPrefix(everything, "0")
		via := map[bool][2]string{true: {"192.0.2.1", "203.0.113.1"}, false: {"2001:db8:0:2::1", "2001:db8:203::1"}}[via4]
		require.NoError(t, server.AddRoute(netip.MustParsePrefix(everything), netip.MustParseAddr(via[0]), "eth0"))
		require.NoError(t, client.AddRoute(netip.MustParsePrefix(everything), netip.MustParseAddr(via[1]), "eth0"))
	}
	serve(t, server)
	bird(t, server, read(t, "anycast/bird.conf"))
	bird(t, router, routerConf)
	routed := func(vip netip.Prefix) bool {
		_, err := router.Netlink().RouteGet(vip.Addr().AsSlice())
		return err == nil
	}
	for _, vip := range []netip.Prefix{vip4, vip6} {
		require.False(t, routed(vip))
		require.NoError(t, server.AddAddr("lo", vip))
		require.Eventually(t, func() bool { return routed(vip) }, patience, 10*time.Millisecond)
		ask(t, client, vip)
		require.NoError(t, server.DelAddr("lo", vip))
		require.Eventually(t, func() bool { return !routed(vip) }, patience, 10*time.Millisecond)
	}
}
