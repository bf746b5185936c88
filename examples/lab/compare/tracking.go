//go:build linux

package compare

import (
	"fmt"
	"syscall"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// trackTable is the one that stays when a repair is cleared away.
const trackTable = "firewall"

// track adds a rule for which the host has to track all connections, as firewalls
// have it: ct state new,established accept.
func track(h *lab.Host) error {
	c, err := h.Nftables()
	if err != nil {
		return err
	}
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: trackTable})
	c.AddRule(&nftables.Rule{Table: table, Chain: c.AddChain(&nftables.Chain{
		Name: "input", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter,
	}), Exprs: []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitNEW | expr.CtStateBitESTABLISHED),
			Xor:  binaryutil.NativeEndian.PutUint32(0),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(0)},
		&expr.Verdict{Kind: expr.VerdictAccept},
	}})
	if err := c.Flush(); err != nil {
		return fmt.Errorf("compare: tracking connections on %s: %w", h.Name, err)
	}
	return nil
}

// exempt has the host not track what comes for the server's port and leaves from
// it: udp dport 60002 notrack, and udp sport 60002 notrack.
func (s *fullStand) exempt() error {
	h := s.pair.server
	c, err := h.Nftables()
	if err != nil {
		return err
	}
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "exempt"})
	for _, side := range []struct {
		name string
		hook *nftables.ChainHook
		port uint32 // its offset in the header of UDP
	}{
		{"prerouting", nftables.ChainHookPrerouting, 2},
		{"output", nftables.ChainHookOutput, 0},
	} {
		c.AddRule(&nftables.Rule{Table: table, Chain: c.AddChain(&nftables.Chain{
			Name: side.name, Table: table, Type: nftables.ChainTypeFilter,
			Hooknum: side.hook, Priority: nftables.ChainPriorityRaw,
		}), Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{syscall.IPPROTO_UDP}},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: side.port, Len: 2},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(echo.Port)},
			&expr.Notrack{},
		}})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("compare: exempting the port on %s: %w", h.Name, err)
	}
	return nil
}

// clear removes from the server's host what a repair and exempt did to it.
func (s *fullStand) clear(r Repair) error {
	if r.clear != nil {
		if err := r.clear(s.pair.server); err != nil {
			return err
		}
	}
	c, err := s.pair.server.Nftables()
	if err != nil {
		return err
	}
	tables, err := c.ListTables()
	if err != nil {
		return err
	}
	for _, t := range tables {
		if t.Name != trackTable {
			c.DelTable(t)
		}
	}
	return c.Flush()
}
