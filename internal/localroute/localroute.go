// Package localroute answers one question, cheaply enough to be put for every
// datagram: does the kernel call this address local, or anycast, to the host?
//
// Linux asks itself that question before it lets a socket send from an
// address. On IPv6 the check looks only at the addresses of interfaces, so a
// VIP that exists as a local route is refused, and IPV6_FREEBIND, which lifts
// the refusal, lifts the whole check: the socket may then send from any
// address there is. This package is the check put back, with the routing table
// in place of the interfaces.
//
// # Where an answer comes from
//
// A [Memo] remembers single addresses for one goroutine. Behind it each
// network namespace has one [Table], which remembers the local routes that
// were found to match: a range of VIPs costs one entry, however many of its
// addresses are used. Behind that stands the kernel, asked with
// RTM_GETROUTE (rtnetlink(7)), which needs no privilege. Only "yes" is
// remembered; "no" is asked again every time.
//
// # How long an answer holds
//
// A second netlink socket listens for changes. Anything that can end an
// address's being local (a change to a local route, an address taken away, a
// link or a rule changed, notifications lost) voids every remembered answer,
// so a withdrawn VIP is refused from the moment that its notification is read.
// Changes to other routes void nothing, and are not even delivered: a router's
// churn costs nothing.
//
// Some changes come without a notification that could be relied on, and the
// clock stands in for it: see [ReceivedFor]. Three traps are worth knowing.
//
//   - A route that is not local may lie inside a range that is. A range is
//     remembered as such only after the local table was searched for such
//     holes; one that is added later is a change to the local table, and so is
//     seen. Rules and tables consulted before the local table are not searched.
//   - The kernel announces that a link went down, or that an address was
//     deleted, before it flushes the routes that hung on it, and flushes the
//     IPv4 ones without a word. An answer given in between would be believed
//     for good, so these two void the answers a second time, one second later.
//   - A route's being local in a table other than the local one depends on
//     rules and on routes that nobody watches here. Such an answer is held for
//     the address alone, and by the clock. The same goes for ranges of IPv4,
//     where the kernel keeps the tables local and main as one while there is
//     no rule of the administrator's, and routes in main can make holes.
//     Behind this check the kernel's own of IPv4 sources is in force, except
//     on sockets with IP_TRANSPARENT.
//
// It is available on Linux. Elsewhere [Open] returns an error that matches
// [errors.ErrUnsupported].
package localroute

import (
	"errors"
	"time"
)

// ReceivedFor is how long an address given to [Table.Received] is taken as
// local at least, where the kernel's routes do not say so; it is at most twice
// that. An answer of the kernel's that no notification guards is asked for
// again after at most ReceivedFor.
const ReceivedFor = time.Second

var (
	// ErrNamespace says that a socket belongs to another network namespace
	// than the process, and that it may not be entered to ask there.
	ErrNamespace = errors.New("localroute: the socket belongs to another network namespace, " +
		"and entering it needs CAP_NET_ADMIN there and CAP_SYS_ADMIN")

	// ErrUnavailable says that the kernel could not be asked. The error of the
	// system call that failed is wrapped beside it.
	ErrUnavailable = errors.New("localroute: the kernel cannot be asked which addresses are local")
)
