package pktinfo

import "encoding/binary"

// A kind is the level and the type of a control message as they stand side by
// side in its header, so that one comparison tells messages apart.
type kind uint64

func kindOf(level, typ uint32) kind {
	var b [8]byte
	binary.NativeEndian.PutUint32(b[:], level)
	binary.NativeEndian.PutUint32(b[4:], typ)
	return kind(binary.NativeEndian.Uint64(b[:]))
}

// kind reads the kind from the header that starts b.
func (l *layout) kind(b []byte) kind {
	return kind(binary.NativeEndian.Uint64(b[l.header-8:]))
}

// length reads cmsg_len from the header that starts b. It may be anything: on
// some systems it is as wide as a pointer, and its top bit may be set.
func (l *layout) length(b []byte) uint64 {
	if l.header == 16 {
		return binary.NativeEndian.Uint64(b)
	}
	return uint64(binary.NativeEndian.Uint32(b))
}

// setLength writes cmsg_len into the header that starts b.
func (l *layout) setLength(b []byte, n int) {
	if l.header == 16 {
		binary.NativeEndian.PutUint64(b, uint64(n))
	} else {
		binary.NativeEndian.PutUint32(b, uint32(n))
	}
}

// next splits the message that starts b from the ones behind it. The message
// is without the padding behind it. It reports false if b starts with no whole
// header, and also if the length in the header cannot be; rest is then b.
func (l *layout) next(b []byte) (m, rest []byte, ok bool) {
	if len(b) < l.header {
		return nil, b, false
	}
	n := l.length(b)
	if n < uint64(l.header) || n > uint64(len(b)) {
		return nil, b, false
	}
	return b[:n], b[min(l.roundUp(int(n)), len(b)):], true
}

// dataOf is the data of a message. It is shorter than it should be if the
// kernel cut the message, which may be as early as in the padding behind the
// header.
func (l *layout) dataOf(m []byte) []byte { return m[min(l.data, len(m)):] }

// roundUp gives the place where the message behind one that ends at n starts.
func (l *layout) roundUp(n int) int { return roundUp(n, l.align) }

func roundUp(n, align int) int { return (n + align - 1) &^ (align - 1) }

// space is CMSG_SPACE: what a message with n bytes of data takes.
func (l *layout) space(n int) int { return l.data + l.roundUp(n) }

// appendMessage appends a message with n bytes of data, all zero, and returns
// the data beside the longer buffer.
func (l *layout) appendMessage(b []byte, k kind, n int) (longer, data []byte) {
	start := l.roundUp(len(b))
	b = append(b, make([]byte, start-len(b)+l.space(n))...) // makes no second slice
	m := b[start:]
	l.setLength(m, l.data+n)
	binary.NativeEndian.PutUint64(m[l.header-8:], uint64(k))
	return b, m[l.data : l.data+n]
}

// pad appends zeros to b up to where a message may start.
func (l *layout) pad(b []byte) []byte {
	for len(b)&(l.align-1) != 0 { // hardly ever
		b = append(b, 0)
	}
	return b
}
