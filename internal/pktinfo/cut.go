package pktinfo

func (l *layout) cut(dst, oob []byte) (n int, truncated, others bool) {
	for {
		m, rest, ok := l.next(oob)
		if !ok {
			break
		}
		room := len(dst) - n
		if room < len(m) {
			truncated = true
			k := l.kind(m)
			others = others || k != l.kind4 && k != l.kind6
		}
		if room >= l.header {
			// The padding behind a message is the reader's own memory: the
			// kernel steps over it, and so does this.
			kept := copy(dst[n:], m)
			l.setLength(dst[n:], kept)
			n += min(l.roundUp(len(m)), room)
		}
		oob = rest
	}
	// What is malformed cannot be delivered.
	if len(oob) >= l.header {
		return n, true, true
	}
	return n, truncated, others
}
