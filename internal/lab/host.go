//go:build linux

package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A Host is a machine of the lab: a network namespace. Its methods may be
// called from several goroutines.
type Host struct {
	// Name says which host it is, in errors and in the output of examples.
	Name string

	ns     netns.NsHandle
	nl     *netlink.Handle
	events *events

	settling sync.Mutex // one reader of events at a time
}

// NewHost makes a host with nothing but its loopback interface, which is up.
// It forwards nothing, filters no reverse paths, and takes its addresses
// without duplicate address detection. Wire it with [Connect].
//
// The namespace exists until [Host.Close] is called and the last socket
// created in it is closed, or the process ends. An error matches
// [ErrUnavailable] where namespaces are not to be had.
func NewHost(name string) (*Host, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	return newHost(name)
}

func newHost(name string) (*Host, error) {
	h := &Host{Name: name, ns: netns.None()}
	err := onThread(func() (err error) {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare: %w", err)
		}
		// The namespace of this thread, which is not that of /proc/self.
		if h.ns, err = netns.Get(); err != nil {
			return err
		}
		if err = setSysctls(hostSysctls...); err != nil {
			return err
		}
		if h.events, err = subscribe(); err != nil {
			return err
		}
		if h.nl, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
			return fmt.Errorf("netlink: %w", err)
		}
		return loopbackUp(h.nl)
	})
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("lab: host %s: %w", name, err)
	}
	return h, nil
}

// loopbackUp brings the interface lo up. It is also the test whether the
// capabilities in a user namespace are real: a system may grant the namespace
// and deny this.
func loopbackUp(nl *netlink.Handle) error {
	lo, err := nl.LinkByName("lo")
	if err == nil {
		err = nl.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}
	return nil
}

// Close releases the namespace. Sockets created in it stay usable, and keep
// it, until they are closed.
func (h *Host) Close() error {
	var errs []error
	if h.nl != nil {
		h.nl.Close()
	}
	if h.events != nil {
		errs = append(errs, h.events.Close())
	}
	if h.ns.IsOpen() {
		errs = append(errs, h.ns.Close())
	}
	return errors.Join(errs...)
}

// Do runs f on an OS thread that is in the host's namespace, and returns what
// f returned. A socket belongs to the namespace in which it was created, so
// only its creation need be in f; it may be used from anywhere. The same holds
// for a process started in f, and for files opened under /proc/thread-self/net
// and /proc/sys/net.
//
// A goroutine started by f is not in the namespace. A test may fail in f with
// t.FailNow. Beware of package net and the zones of link-local addresses: it
// keeps one table of interface names for the whole process, so give the zone
// as the number of [Host.Index].
func (h *Host) Do(f func() error) error {
	return onThread(func() error {
		if err := netns.Set(h.ns); err != nil {
			return fmt.Errorf("lab: entering host %s: %w", h.Name, err)
		}
		return f()
	})
}

// Netlink returns a handle to the host's interfaces, addresses, routes, rules
// and neighbours. It is the host's: do not close it.
func (h *Host) Netlink() *netlink.Handle { return h.nl }

// Nftables returns a connection to the host's packet filter. It is idle, and
// need not be closed. Give every set an ID where tests run in parallel: the
// nftables package else takes it from a counter that it does not guard.
func (h *Host) Nftables() (*nftables.Conn, error) {
	c, err := nftables.New(nftables.WithNetNSFd(int(h.ns)))
	if err != nil {
		return nil, fmt.Errorf("lab: nftables of %s: %w", h.Name, err)
	}
	return c, nil
}

// DialUDP acts like [net.DialUDP] on the host. The socket is connected: it
// takes datagrams from remote only, which is what a client of a DNS, QUIC or
// game server does. A zero local address lets the kernel choose; the zone of a
// link-local address is best the number of [Host.Index]. The caller closes the
// connection.
func (h *Host) DialUDP(network string, local, remote netip.AddrPort) (*net.UDPConn, error) {
	var laddr *net.UDPAddr
	if local.IsValid() {
		laddr = net.UDPAddrFromAddrPort(local)
	}
	var c *net.UDPConn
	err := h.Do(func() (err error) {
		c, err = net.DialUDP(network, laddr, net.UDPAddrFromAddrPort(remote))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lab: %s: %w", h.Name, err)
	}
	return c, nil
}

// onThread runs f on an OS thread that runs nothing else and is thrown away
// afterwards, so that f may change what belongs to a thread, the network
// namespace above all. It returns what f returned. If f ended by
// [runtime.Goexit], as a test does that fails in it, so does the caller.
//
// The thread is never the process's first one. /proc/self and /proc/net show
// that thread, and it does not end with its goroutine: moved to another
// namespace it would take the program's view of itself along, for good.
func onThread(f func() error) (err error) {
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			// While this goroutine holds the first thread another one cannot
			// be given it.
			defer runtime.UnlockOSThread()
			err = onThread(f)
		} else {
			err = f()
		}
		returned = true
	}()
	<-done
	if !returned {
		runtime.Goexit()
	}
	return err
}

// hostSysctls are the settings every host starts with. A new namespace copies
// the IPv4 settings of the machine's own, so that nothing may be taken for
// granted.
var hostSysctls = []string{
	"net.ipv4.ip_forward", "0",
	// The kernel takes the larger of all and the interface's own.
	"net.ipv4.conf.all.rp_filter", "0",
	"net.ipv4.conf.default.rp_filter", "0",
	"net.ipv6.conf.all.disable_ipv6", "0",
	"net.ipv6.conf.default.disable_ipv6", "0",
	"net.ipv6.conf.all.forwarding", "0",
	// Nobody else can have a host's addresses: without duplicate address
	// detection they may be used at once.
	"net.ipv6.conf.all.accept_dad", "0",
	"net.ipv6.conf.default.accept_dad", "0",
	// No address and no route that nobody asked for.
	"net.ipv6.conf.all.accept_ra", "0",
	"net.ipv6.conf.default.accept_ra", "0",
	"net.ipv6.conf.default.router_solicitations", "0",
	// A host that rejects a datagram says so each time: of no type of message
	// is the rate limited. (255 is not the number of one.)
	"net.ipv4.icmp_ratemask", "0",
	"net.ipv6.icmp.ratemask", "255",
}

// bridgeSysctls keep a bridge from handing what it forwards to netfilter,
// which reassembles fragments on the way. They exist where the module
// br_netfilter is loaded, and then apply by default.
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

// setSysctls is setSysctl for several parameters, each followed by its value.
func setSysctls(settings ...string) error {
	for s := range slices.Chunk(settings, 2) {
		if err := setSysctl(s[0], s[1]); err != nil {
			return err
		}
	}
	return nil
}

// sysctls sets several parameters at the cost of one change of namespace.
func (h *Host) sysctls(settings ...string) error {
	return h.Do(func() error { return setSysctls(settings...) })
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
