package facts_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// batchForbidden is how the payloads begin that batchForbid has dropped.
const batchForbidden = 'X'

// batchForbid has the packet filter drop what goes out with such a payload.
func batchForbid(t *testing.T, d *duo) {
	t.Helper()
	nft, err := d.server.Nftables()
	require.NoError(t, err)
	table := nft.AddTable(&nftables.Table{Name: "facts", Family: nftables.TableFamilyIPv4})
	chain := nft.AddChain(&nftables.Chain{
		Name: "out", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter,
	})
	nft.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 8, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{batchForbidden}},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}})
	require.NoError(t, nft.Flush())
}

// K7.1: WriteBatch sends the first messages and none behind one that fails, also
// when these make a group that the kernel refuses as a whole, so that they are
// sent one by one. The kernel refuses it as it is not to compute checksums.
func TestBatch_PrefixInGroup(t *testing.T) {
	d := newDuo(t)
	batchForbid(t, d)
	const group = 5
	for _, network := range []string{"udp4", "udp"} {
		for at := range group {
			t.Run(fmt.Sprintf("dsrudp/%s/%d", network, at), func(t *testing.T) {
				c := d.listenDSR(t, dsrudp.ListenConfig{Control: bareControl(bareOn(unix.SOL_SOCKET, unix.SO_NO_CHECK))}, network, netip.Addr{})
				client := d.dialFrom(t, duoClient4, duoVIPs4[0])
				d.ask(t, client)
				to := net.UDPAddrFromAddrPort(batchRead(t, c, 1)[0].Path.Remote)
				tag := duoPayload("batch")
				var payloads []string
				var ms []ipv4.Message
				for i := range group + 1 {
					mark := '.'
					if i == at {
						mark = batchForbidden
					}
					payload := fmt.Sprintf("%c%s, %d", mark, tag, i)
					if i == group {
						payload += ", longer and so not of the group"
					}
					payloads = append(payloads, payload)
					ms = append(ms, ipv4.Message{Buffers: [][]byte{[]byte(payload)}, Addr: to})
				}

				told := uint64(0)
				n, err := c.WriteBatch(ms, 0)
				require.Equal(t, at, n)
				if at == 0 {
					require.ErrorIs(t, err, unix.EPERM)
					told++
				} else {
					require.NoError(t, err)
				}
				for i := range at {
					d.requireAccepted(t, client, payloads[i])
					require.Equal(t, len(payloads[i]), ms[i].N)
				}
				d.requireSilence(t, payloads[at:]...)

				n, err = c.WriteBatch(ms[at:], 0)
				require.Zero(t, n)
				require.ErrorIs(t, err, unix.EPERM)
				told++
				d.requireSilence(t, payloads[at:]...)

				n, err = c.WriteBatch(ms[at+1:], 0)
				require.NoError(t, err)
				require.Equal(t, group-at, n)
				for _, payload := range payloads[at+1:] {
					d.requireAccepted(t, client, payload)
				}
				s := c.Stats()
				require.EqualValues(t, 1, s.OffloadFallbacks, "the kernel took the group")
				require.Equal(t, told, s.SendDenied)
				require.Zero(t, s.SendFailed)
				require.NoError(t, c.Close())
			})
		}
	}
}
