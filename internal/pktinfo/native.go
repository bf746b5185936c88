//go:build linux || darwin || freebsd || netbsd || openbsd || windows

package pktinfo

import "net/netip"

// Supported says whether this system tells a datagram's destination and lets
// a datagram's source be chosen. Where it does not, control data is passed on
// as it is and says nothing.
const Supported = true

var native = nativeLayout()

// FamilyOf returns the family of a socket, bound or not, as its options say it
// now. Ask after the user's own Control function, which may have changed
// IPV6_V6ONLY.
func FamilyOf(fd uintptr) (Family, error) { return familyOf(fd) }

// Enable asks the kernel for the control messages that [Parse] reads, with
// exactly the options that the family needs. A datagram that was queued before
// may come without an address to answer from, so enable them before the socket
// is bound.
//
// It fails with an error that matches [errors.ErrUnsupported] where the source
// of a family's datagrams cannot be chosen: on a dual-stack socket of NetBSD.
func Enable(fd uintptr, f Family) error { return set(fd, f, 1) }

// Disable undoes [Enable].
func Disable(fd uintptr, f Family) error { return set(fd, f, 0) }

// Parse reads the control messages oob that came with a datagram. It reads no
// further than the first that is malformed, and takes one that was cut for
// none. It needs the options that [Enable] sets.
//
// Of a dual-stack socket's two messages for an IPv4 datagram the IPv4 one is
// taken. The caller that saw MSG_CTRUNC cannot know that it was not lost.
func Parse(oob []byte) (info Info) {
	native.parse(&info, oob)
	return info
}

// ParseInto is [Parse] that fills in a zero info, for whoever would notice that
// one is copied.
func ParseInto(info *Info, oob []byte) { native.parse(info, oob) }

// Unicast4 returns the address that a datagram was sent to which came with one
// control message, that says it was an IPv4 address to answer from, as most IPv4
// datagrams do, or a train with its segment size before that: [Parse] would return
// it as Local and as Dst, and the size, beside the interface, and nothing else. The
// address is a number in the order of its bytes. It is for whoever would notice
// that an Info is filled in.
func Unicast4(oob []byte) (a uint32, segment int, ok bool) { return unicast4(oob) }

// AppendSource appends to oob a control message that makes a datagram leave
// from src, and returns the longer slice, which holds whole messages. Oob is
// filled up with zeros to where a message may start.
//
// V4 says that the datagram goes to an IPv4 address, IPv4-mapped ones
// included: the kernel silently ignores a message of the other family's level.
// Src is of that family and not mapped; it panics if v4 is set and src is an
// IPv6 address. An invalid or unspecified src leaves the choice to the kernel,
// within ifindex; with no ifindex either, nothing is appended.
//
// Ifindex is the interface to leave by. It should be 0 except where the scope
// of src or of the destination demands one: an interface that is not on the
// route loses the datagram without an error. It is dropped where IPv4 messages
// have no index (FreeBSD, NetBSD, OpenBSD), and where the kernel would ignore
// the source beside it (macOS, IPv4).
func AppendSource(oob []byte, v4 bool, src netip.Addr, ifindex uint32) []byte {
	return native.appendSource(oob, v4, src, ifindex)
}

// AppendSource4 is AppendSource for an IPv4 address that is not 0.0.0.0, alone.
func AppendSource4(oob []byte, src [4]byte) []byte { return appendSource4(oob, src) }

// AppendSegmentSize appends to oob a control message that makes the payload
// leave as several datagrams of n bytes, the last of which may be shorter. Only
// Linux has it.
func AppendSegmentSize(oob []byte, n int) []byte { return appendSegmentSize(oob, n) }

// AppendClass appends to oob a control message with the traffic class to send
// with (type of service for IPv4), the low two bits of which are the ECN field.
// V4 is that of [AppendSource]. Only Linux's is known.
func AppendClass(oob []byte, v4 bool, class uint8) []byte { return native.appendClass(oob, v4, class) }

// Requested reads which source the control data oob, meant for sending, asks
// for; found is false if no message names one. An IPv4 message wins over an
// IPv6 one. See [RequestedFor] for what the kernel heeds.
//
// It returns an error that wraps EINVAL, as the kernel does, if a message has
// an impossible length or one that names a source is not of its size.
func Requested(oob []byte) (r Request, found bool, err error) {
	rs, err := native.requests(oob)
	if rs.found4 {
		return rs.v4, true, err
	}
	return rs.v6, rs.found6, err
}

// RequestedFor is like [Requested], but reads only what the kernel heeds for a
// destination of the family that v4 says: for an IPv6 one IPv6 messages alone,
// for an IPv4 one, if there is no IPv4 message, an IPv6 message too. The
// kernel then refuses a source of the other family.
func RequestedFor(oob []byte, v4 bool) (r Request, found bool, err error) {
	rs, err := native.requests(oob)
	if v4 && rs.found4 {
		return rs.v4, true, err
	}
	return rs.v6, rs.found6, err
}

// AppendOthers appends to dst the control messages of oob that name no source,
// each filled up with zeros, so that more may follow. Oob is not changed, and
// must not overlap the room behind dst. What follows a malformed message is
// left out: ask [Requested] first.
func AppendOthers(dst, oob []byte) []byte { return native.appendOthers(dst, oob) }

// Cut copies the received control messages oob to dst as Linux would have
// delivered them to a buffer of that length, and returns the bytes of dst it
// took: whole messages while they fit, of the first that does not the part
// that does, with its cmsg_len lowered, if a header at least fits (put_cmsg in
// net/core/scm.c). Padding is stepped over, not written.
//
// Truncated says that MSG_CTRUNC is due, and others that something was lost
// that [Enable] has not asked for. Other systems leave cmsg_len as it was, so
// that programs fail to parse what was cut; here it is lowered on them too.
func Cut(dst, oob []byte) (n int, truncated, others bool) { return native.cut(dst, oob) }
