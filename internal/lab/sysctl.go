//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// hostSysctls are the settings every host starts with. A new namespace copies
// the IPv4 settings of the machine's own, so that nothing may be taken for
// granted.
var hostSysctls = []struct{ key, value string }{
	{"net.ipv4.ip_forward", "0"},
	// The kernel takes the larger of all and the interface's own.
	{"net.ipv4.conf.all.rp_filter", "0"},
	{"net.ipv4.conf.default.rp_filter", "0"},
	{"net.ipv6.conf.all.disable_ipv6", "0"},
	{"net.ipv6.conf.default.disable_ipv6", "0"},
	{"net.ipv6.conf.all.forwarding", "0"},
	// Nobody else can have a host's addresses: without duplicate address
	// detection they may be used at once.
	{"net.ipv6.conf.all.accept_dad", "0"},
	{"net.ipv6.conf.default.accept_dad", "0"},
	// No address and no route that nobody asked for.
	{"net.ipv6.conf.all.accept_ra", "0"},
	{"net.ipv6.conf.default.accept_ra", "0"},
	{"net.ipv6.conf.default.router_solicitations", "0"},
	// A host that rejects a datagram says so each time: of no type of message
	// is the rate limited. (255 is not the number of one.)
	{"net.ipv4.icmp_ratemask", "0"},
	{"net.ipv6.icmp.ratemask", "255"},
}

// bridgeSysctls keep a bridge from handing what it forwards to netfilter,
// which reassembles fragments on the way. They exist where the module
// br_netfilter is loaded, and then apply unless told otherwise.
var bridgeSysctls = []string{
	"net.bridge.bridge-nf-call-iptables",
	"net.bridge.bridge-nf-call-ip6tables",
	"net.bridge.bridge-nf-call-arptables",
}

// Sysctl sets a kernel parameter in the host's namespace. The key is written
// as for sysctl(8): parts separated by dots, or by slashes where a part, such
// as the name of an interface, has a dot of its own. Parameters outside net.*
// belong to the machine and not to the host.
func (h *Host) Sysctl(key, value string) error {
	return h.Do(func() error { return setSysctl(key, value) })
}

// setSysctl sets a parameter in the namespace of the calling thread: the
// kernel resolves /proc/sys/net by whoever opens the file.
func setSysctl(key, value string) error {
	path := key
	if !strings.Contains(key, "/") {
		path = strings.ReplaceAll(key, ".", "/")
	}
	f, err := os.OpenFile("/proc/sys/"+path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("lab: sysctl %s: %w", key, err)
	}
	_, err = f.WriteString(value)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("lab: sysctl %s=%s: %w", key, value, err)
	}
	return nil
}

// sysctls sets several parameters at the cost of one change of namespace.
func (h *Host) sysctls(settings ...string) error {
	return h.Do(func() error {
		for i := 0; i < len(settings); i += 2 {
			if err := setSysctl(settings[i], settings[i+1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// bridgeOnly turns netfilter for bridged packets off, where there is any.
func (h *Host) bridgeOnly() error {
	return h.Do(func() error {
		for _, key := range bridgeSysctls {
			if err := setSysctl(key, "0"); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}
