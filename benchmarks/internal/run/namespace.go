//go:build linux

package run

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/benchmarks/internal/load"
)

// Prepare makes the IPv6 addresses of VIPs and clients local to the network
// namespace, as routes, and leaves its loopback interface up.
func Prepare() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("the loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("the loopback interface: %w", err)
	}
	for _, p := range load.Ranges6() {
		r := netlink.Route{
			LinkIndex: lo.Attrs().Index,
			Dst:       &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 128)},
			Type:      unix.RTN_LOCAL,
			Table:     unix.RT_TABLE_LOCAL,
			Family:    unix.AF_INET6,
		}
		if err := netlink.RouteReplace(&r); err != nil {
			return fmt.Errorf("local route to %v: %w", p, err)
		}
	}
	return nil
}
