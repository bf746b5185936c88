package localroute

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A netlink is a socket by which the kernel is asked for routes, one question at
// a time. It is not blocking: the kernel answers within the call that sends the
// request.
type netlink struct {
	mu  sync.Mutex
	fd  int // -1 when closed
	seq uint32
	buf [1024]byte // attributes of an answer are not looked at, and may be cut off
}

func (s *netlink) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	unix.Close(s.fd)
	s.fd = -1
}

// ask asks again where the answer may come the next time: the kernel had no room
// for it, reports that once, and then nothing more until all is read.
func (s *netlink) ask(q question) (a answer, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return answer{}, os.ErrClosed
	}
	for range 3 {
		a, err = s.try(q)
		if err != unix.ENOBUFS && err != unix.EAGAIN && err != unix.EINTR {
			break
		}
	}
	return a, err
}

// try reads past answers to requests that were given up.
func (s *netlink) try(q question) (answer, error) {
	s.seq++
	if _, err := unix.Write(s.fd, appendRequest(s.buf[:0], s.seq, q)); err != nil {
		return answer{}, err
	}
	for {
		n, err := unix.Read(s.fd, s.buf[:])
		if err != nil {
			return answer{}, err
		}
		if n >= headerLen && binary.NativeEndian.Uint32(s.buf[8:]) == s.seq {
			return parseReply(s.buf[:n], q)
		}
	}
}

// Messages of rtnetlink, see netlink(7) and rtnetlink(7). All numbers are in
// the byte order of the host.
const (
	headerLen = unix.SizeofNlMsghdr
	rtmsgLen  = unix.SizeofRtMsg
	attrLen   = unix.SizeofRtAttr
)

// appendRequest appends the RTM_GETROUTE for q. With RTM_F_FIB_MATCH the answer
// is the entry of the table that matched, not the route made from it for the one
// address. Kernels before 4.13 do not know the flag and answer with the latter,
// which serves as well, for that address alone.
func appendRequest(b []byte, seq uint32, q question) []byte {
	family, flags := uint8(unix.AF_INET6), uint32(unix.RTM_F_FIB_MATCH)
	if q.addr.Is4() {
		family = unix.AF_INET
		flags |= unix.RTM_F_LOOKUP_TABLE // IPv6 sends the table without it
	}
	var src netip.Addr
	var iif, oif uint32
	switch {
	case q.received:
		iif = q.ifindex
		if q.remote.Is4() == q.addr.Is4() && !q.remote.IsUnspecified() {
			src = q.remote
		}
	case q.addr.Is6() && q.addr.IsLinkLocalUnicast():
		// With RTA_OIF other addresses, such as those of lo, are unreachable.
		oif = q.ifindex
	}

	start, order := len(b), binary.NativeEndian
	b = order.AppendUint32(b, 0) // the length, below
	b = order.AppendUint16(b, unix.RTM_GETROUTE)
	b = order.AppendUint16(b, unix.NLM_F_REQUEST)
	b = order.AppendUint32(b, seq)
	b = order.AppendUint32(b, 0) // port id: the kernel knows
	b = append(b, family, uint8(q.addr.BitLen()), uint8(src.BitLen()), 0, 0, 0, 0, 0)
	b = order.AppendUint32(b, flags)
	b = appendAttr(b, unix.RTA_DST, q.addr.AsSlice())
	if src.IsValid() {
		b = appendAttr(b, unix.RTA_SRC, src.AsSlice())
	}
	if iif != 0 {
		b = appendAttr(b, unix.RTA_IIF, order.AppendUint32(nil, iif))
	}
	if oif != 0 {
		b = appendAttr(b, unix.RTA_OIF, order.AppendUint32(nil, oif))
	}
	order.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

func appendAttr(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(attrLen+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	return append(b, value...) // all of ours are multiples of 4 long, and need no padding
}

// errMalformed says that the bytes are not what the kernel sends.
var errMalformed = errors.New("malformed netlink message")

// parseReply parses the answer to q, one message by itself. An answer of the
// routing table that there is no way to the address is an answer: not local.
func parseReply(b []byte, q question) (answer, error) {
	if len(b) < headerLen+4 {
		return answer{}, errMalformed
	}
	kind, body := binary.NativeEndian.Uint16(b[4:]), b[headerLen:]
	switch {
	case kind == unix.NLMSG_ERROR:
		errno := unix.Errno(-int32(binary.NativeEndian.Uint32(body)))
		return answer{bits: 128}, refusal(errno)
	case kind == unix.RTM_NEWROUTE && len(body) >= rtmsgLen && int(body[1]) <= q.addr.BitLen():
		return judge(q, uint32(body[1]), body[4], body[7]), nil
	}
	return answer{}, errMalformed
}

// refusal returns nil for an error that says that there is no way to the
// address. EACCES is a prohibit route's and EINVAL a blackhole's. For a received
// datagram, EINVAL and EXDEV are also those of a source that IPv4 does not
// accept, and ENODEV that of an interface that is gone.
func refusal(errno unix.Errno) error {
	switch errno {
	case unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL, unix.EXDEV, unix.ENODEV:
		return nil
	}
	return errno
}

// judge returns what the route that matched means for q: one for a prefix of the
// given length, in a table and of a kind such as RTN_LOCAL. The number of a table
// that does not fit its byte is 252.
func judge(q question, bits uint32, table, kind byte) answer {
	a := answer{bits: 128, broadcast: kind == unix.RTN_BROADCAST}
	switch {
	case q.addr.Is6():
		a.local = kind == unix.RTN_LOCAL || kind == unix.RTN_ANYCAST
		if a.local && q.received && table == unix.RT_TABLE_LOCAL {
			a.bits = bits
		}
	case q.received || table == unix.RT_TABLE_LOCAL || table == unix.RT_TABLE_MAIN:
		// While the administrator has made no rule the kernel keeps the two
		// tables as one, and calls it main. From any other table IPv4 receives
		// for the address but does not let it be a source, unless the socket is
		// IP_TRANSPARENT.
		a.local = kind == unix.RTN_LOCAL
	}
	return a
}
