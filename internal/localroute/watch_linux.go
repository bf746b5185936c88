package localroute

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// watchGroups are the notifications that can tell of an address's no longer
// being local.
const watchGroups = 1<<(unix.RTNLGRP_LINK-1) |
	1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1) |
	1<<(unix.RTNLGRP_IPV4_ROUTE-1) | 1<<(unix.RTNLGRP_IPV6_ROUTE-1) |
	1<<(unix.RTNLGRP_IPV4_RULE-1) | 1<<(unix.RTNLGRP_IPV6_RULE-1)

// watch reads notifications from r until it is closed.
func (t *Table) watch(r io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		switch {
		case err == nil:
			switch effectOf(buf[:n]) {
			case ended:
				t.reset()
			case ending:
				t.resetTwice()
			}
		case errors.Is(err, unix.ENOBUFS):
			t.resetTwice() // notifications were lost, of whatever kind
		case errors.Is(err, os.ErrClosed):
			return
		default:
			t.deafen()
			return
		}
	}
}

// An effect is what a notification means for addresses that were local.
type effect int

const (
	unrelated effect = iota
	ended            // some may not be any more
	ending           // some may not be any more, or very soon
)

// effectOf returns the greatest effect of the notifications in b. What cannot
// be read (one too long for the buffer is cut off) may have been anything.
func effectOf(b []byte) effect {
	e := unrelated
	for len(b) > 0 {
		m, rest, err := nextMessage(b)
		if err != nil {
			return ending
		}
		b = rest
		switch m.kind {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK, unix.RTM_DELADDR:
			return ending
		case unix.RTM_NEWRULE, unix.RTM_DELRULE:
			e = ended
		case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
			if touchesLocal(m.payload) {
				e = ended
			}
		}
	}
	return e
}

// touchesLocal reports whether a route is a local one, or makes a hole among
// these. It looks at no attributes: full routing tables come by here.
func touchesLocal(b []byte) bool {
	if len(b) < rtmsgLen {
		return true
	}
	table, kind := b[4], b[7]
	return table == unix.RT_TABLE_LOCAL || kind == unix.RTN_LOCAL || kind == unix.RTN_ANYCAST
}
