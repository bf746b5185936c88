//go:build linux

package lab

import (
	"errors"
	"fmt"
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
		for _, s := range hostSysctls {
			if err = setSysctl(s.key, s.value); err != nil {
				return err
			}
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

// Close lets go of the namespace. Sockets created in it stay usable, and keep
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
