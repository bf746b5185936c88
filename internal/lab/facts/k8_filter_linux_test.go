package facts_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/internal/mmsg"
)

// K8.3: what netfilter says to a datagram is no word about sendmmsg, which is
// used again for the next ones.
func TestK8_3_FilterForbidsNoCall(t *testing.T) {
	d := newDuo(t)
	d.addFar(t)
	b := d.listen(t, "udp4", netip.Addr{})
	s, err := mmsg.NewSocket(b.UDPConn, false)
	require.NoError(t, err)
	defer k8Drop(t, d, k8Far4)()
	client := d.dialFrom(t, duoClient4, duoServer4)
	near := siteAddr(client.LocalAddr())
	out := s.NewOutBatch(6, 0)
	for i, to := range []netip.AddrPort{near, netip.AddrPortFrom(k8Far4, 9), near, near, near, near} {
		out.Begin(&to, 0, nil)
		require.True(t, out.Append([]byte{byte('0' + i)}))
	}
	n, err := out.SendRange(0, out.Len(), 0)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = out.SendRange(1, out.Len(), 0)
	require.ErrorIs(t, err, unix.EPERM)
	require.Zero(t, n)
	n, err = out.SendRange(2, out.Len(), 0)
	require.NoError(t, err)
	require.Equal(t, 4, n, "one at a time")
	for _, want := range []string{"0", "2", "3", "4", "5"} {
		d.requireAccepted(t, client, want)
	}
}
