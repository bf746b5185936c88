package facts_test

import (
	"net/netip"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// k7Message is struct mmsghdr of recvmmsg(2), with memory for one datagram.
type k7Message struct {
	hdr  unix.Msghdr
	n    uint32
	name [unix.SizeofSockaddrInet6]byte
	oob  [128]byte
	b    [2048]byte
	iov  unix.Iovec
}

// k7Receive calls recvmmsg for one datagram. It waits for it first.
func (b *bareServer) k7Receive(m *k7Message) {
	b.t.Helper()
	raw, err := b.SyscallConn()
	require.NoError(b.t, err)
	var errno unix.Errno
	require.NoError(b.t, raw.Read(func(fd uintptr) bool {
		_, _, errno = unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(m)), 1, unix.MSG_DONTWAIT, 0, 0)
		return errno != unix.EAGAIN
	}))
	require.Zero(b.t, errno)
}

// K7.2: recvmmsg puts lengths where it found sizes. Used again without resetting
// them, a header has no more room than the last datagram took.
func TestK7_2_ResetHeaders(t *testing.T) {
	d := newDuo(t)
	for _, tc := range k5Cases {
		name := tc.network + " " + tc.vips[0].String()
		t.Run("bare/"+name, func(t *testing.T) {
			b, client := d.listen(t, tc.network, netip.Addr{}), d.dial(t, tc.vips[0])
			m := new(k7Message)
			m.iov.Base, m.hdr.Iov = &m.b[0], &m.iov
			m.iov.SetLen(len(m.b))
			m.hdr.SetIovlen(1)
			arm := func() {
				m.hdr.Name, m.hdr.Namelen = &m.name[0], uint32(len(m.name))
				m.hdr.Control = &m.oob[0]
				m.hdr.SetControllen(len(m.oob))
				m.hdr.Flags = 0
			}
			arm()
			d.ask(t, client)
			b.k7Receive(m)
			require.Zero(t, m.hdr.Controllen, "nothing was asked for")
			for _, o := range tc.options {
				b.set(o)
			}
			d.ask(t, client)
			b.k7Receive(m)
			require.Zero(t, m.hdr.Controllen)
			require.Equal(t, unix.MSG_CTRUNC, int(m.hdr.Flags)&unix.MSG_CTRUNC, "the destination is lost")
			arm()
			d.ask(t, client)
			b.k7Receive(m)
			require.EqualValues(t, tc.room, m.hdr.Controllen)
			require.Zero(t, int(m.hdr.Flags)&unix.MSG_CTRUNC)
		})
		t.Run("dsrudp/"+name, func(t *testing.T) {
			// A train has one message more than the datagrams before it.
			c := d.listenDSR(t, dsrudp.ListenConfig{GRO: true}, tc.network, netip.Addr{})
			serve(t, &dsrudp.Server{Handler: echoing(t)}, c)
			for _, client := range d.dialVIPs(t, tc.vips) {
				for range 3 {
					request := d.ask(t, client)
					d.requireAccepted(t, client, request)
					train := k6Payload(k6Train)
					_, _, err := client.WriteMsgUDP(train, k6Segment(k6Size), nil)
					require.NoError(t, err)
					requireSegments(t, client, train, k6Size)
				}
			}
			require.Zero(t, c.Stats().ControlTruncated)
			require.Zero(t, c.Stats().LostPath)
		})
	}
}
