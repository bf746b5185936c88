package localroute

import (
	"cmp"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// parseReply looks for the answer to the question seq about a. Without one in
// b, which then holds leftovers of a question that was given up, done is false.
func parseReply(b []byte, seq uint32, a netip.Addr) (r route, done bool, err error) {
	for len(b) > 0 {
		var m message
		if m, b, err = nextMessage(b); err != nil {
			return route{}, true, err
		}
		if m.seq != seq {
			continue
		}
		switch m.kind {
		case unix.NLMSG_ERROR:
			if err := errnoOf(m); err != nil {
				return route{}, true, refusal(err)
			}
		case unix.RTM_NEWROUTE:
			f, err := parseRoute(m.payload)
			if err == nil && !f.dst.Contains(a) {
				err = errMalformed
			}
			if err != nil {
				return route{}, true, err
			}
			return judge(f), true, nil
		}
	}
	return route{}, false, nil
}

// refusal returns nil for an error that says that there is no way to the
// address, which is an answer; EACCES is a prohibit route's and EINVAL a
// blackhole's.
func refusal(err error) error {
	switch {
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH),
		errors.Is(err, unix.EACCES), errors.Is(err, unix.EINVAL):
		return nil
	}
	return err
}

// judge says what the route that matched an address means for it.
func judge(f fibRoute) route {
	r := route{prefix: f.dst, broadcast: f.kind == unix.RTN_BROADCAST}
	is6 := f.dst.Addr().Is6()
	switch {
	case is6:
		r.local = f.kind == unix.RTN_LOCAL || f.kind == unix.RTN_ANYCAST
		r.watched = f.table == unix.RT_TABLE_LOCAL
	case f.table == unix.RT_TABLE_LOCAL, f.table == unix.RT_TABLE_MAIN:
		// While the administrator has made no rule the kernel keeps the two
		// tables as one, and calls it main. From any other table IPv4 would
		// receive for the address but not let it be a source.
		r.local = f.kind == unix.RTN_LOCAL
		r.watched = f.dst.IsSingleIP() // a hole in a range may be a route of main
	}
	return r
}

// parseDump looks in a part of a dump of the local table for routes that make
// holes in p. The last part says done. After an error it goes on to the end all
// the same, which must not be left unread.
func parseDump(b []byte, seq uint32, p netip.Prefix) (hole, done bool, err error) {
	for len(b) > 0 {
		m, rest, bad := nextMessage(b)
		if bad != nil {
			return hole, false, bad
		}
		b = rest
		if m.seq != seq {
			continue
		}
		if m.flags&unix.NLM_F_DUMP_INTR != 0 {
			err = errInterrupted
		}
		switch m.kind {
		case unix.NLMSG_ERROR, unix.NLMSG_DONE:
			return hole, true, cmp.Or(err, errnoOf(m))
		case unix.RTM_NEWROUTE:
			f, bad := parseRoute(m.payload)
			err = cmp.Or(err, bad)
			hole = hole || bad == nil && makesHole(f, p)
		}
	}
	return hole, false, err
}

// errInterrupted says that the table changed while it was dumped.
var errInterrupted = errors.New("the routing table changed while it was read")

// makesHole reports whether f has addresses of p that are not local. Those
// for multicast do not count, since they are never local and never looked up.
func makesHole(f fibRoute, p netip.Prefix) bool {
	return f.table == unix.RT_TABLE_LOCAL && !judge(f).local &&
		f.dst.Bits() > p.Bits() && p.Contains(f.dst.Addr()) && !f.dst.Addr().IsMulticast()
}
