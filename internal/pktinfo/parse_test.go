package pktinfo

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseIPv4(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			index := uint32(0)
			if s.hasIndex {
				index = 7
			}
			require.Equal(t, Info{Local: vip4, Dst: vip4, IfIndex: index}, s.parse(s.message4(7, vip4, vip4)))

			broadcast := Info{Local: bcast4, Dst: bcast4, IfIndex: index}
			limited := Info{Dst: all4, IfIndex: index}
			group := Info{Dst: group4, IfIndex: index}
			if s.hasSpec {
				broadcast.Local, limited.Local, group.Local = host4, host4, host4
			}
			require.Equal(t, broadcast, s.parse(s.message4(7, host4, bcast4)))
			require.Equal(t, limited, s.parse(s.message4(7, host4, all4)))
			require.Equal(t, group, s.parse(s.message4(7, host4, group4)))

			if s.hasSpec {
				queued := s.message4(0, netip.IPv4Unspecified(), bcast4)
				require.Equal(t, Info{Dst: bcast4}, s.parse(queued), "queued before the option was set")
				require.Equal(t, Info{Dst: vip4}, s.parse(s.message4(0, group4, vip4)))
				require.Equal(t, Info{Dst: vip4}, s.parse(s.message4(0, all4, vip4)))
			}
		})
	}
}

func TestParseIPv6(t *testing.T) {
	mapped := func(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			require.Equal(t, Info{Local: vip6, Dst: vip6, IfIndex: 7}, s.parse(s.message6(7, vip6)))
			require.Equal(t, Info{Local: any6, Dst: group6, IfIndex: 7}, s.parse(s.message6(7, group6)))
			require.Equal(t, Info{Dst: group6}, s.parse(s.message6(0, group6)), ":: without an index is any address")
			require.Equal(t, Info{Dst: any6, IfIndex: 7}, s.parse(s.message6(7, any6)))

			require.Equal(t, Info{Local: vip4, Dst: vip4, IfIndex: 7}, s.parse(s.message6(7, mapped(vip4))))
			require.Equal(t, Info{Dst: group4, IfIndex: 7}, s.parse(s.message6(7, mapped(group4))))
			require.Equal(t, Info{Dst: all4, IfIndex: 7}, s.parse(s.message6(7, mapped(all4))))
			require.Equal(t, Info{Dst: netip.IPv4Unspecified()}, s.parse(s.message6(0, mapped(netip.IPv4Unspecified()))))
		})
	}
}

// A dual-stack socket gives two messages for an IPv4 datagram. The IPv6 one
// has another address and index here, to tell which was taken.
func TestParseTakesIPv4First(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			four := s.message4(7, vip4, vip4)
			six := s.message6(8, netip.AddrFrom16(bcast4.As16()))
			want := s.parse(four)
			require.Equal(t, vip4, want.Local)
			require.Equal(t, want, s.parse(cat(six, four)))
			require.Equal(t, want, s.parse(cat(four, six)))
			require.Equal(t, want, s.parse(cat(s.other(), six, s.other(), four, s.other())))
		})
	}
}

func TestParseIgnoresOthers(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			require.Zero(t, s.parse(nil))
			require.Zero(t, s.parse(s.other()))
			require.Zero(t, s.parse(cat(s.header(s.len4, 41, s.type4+1), s.data4(7, vip4, vip4), s.tail4)), "level")
			require.Zero(t, s.parse(cat(s.header(s.len4, 0, s.type4+1), s.data4(7, vip4, vip4), s.tail4)), "type")
			require.Zero(t, s.parse(cat(s.header(s.len6, 0, s.type4+1), vip6.AsSlice(), uint32(7), s.tail6)), "level")
		})
	}
}

// Every prefix, whether its last length was lowered or not, gives the whole
// truth or less.
func TestParsePrefix(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			whole := cat(s.other(), s.message6(7, netip.AddrFrom16(vip4.As16())), s.message4(7, vip4, vip4), s.other())
			for n := range whole {
				for _, b := range [][]byte{whole[:n], s.cut(t, whole, n)} {
					info := s.parse(b)
					require.Contains(t, []netip.Addr{none, vip4}, info.Local, "%d bytes", n)
					require.Equal(t, info.Local, info.Dst, "%d bytes", n)
				}
			}
			require.Equal(t, vip4, s.parse(whole).Local)
		})
	}
}
