//go:build linux

package compare

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// A drop is a rule by which a host counts and drops UDP datagrams as soon as
// they come out of the cable, before IP looks at them.
type drop struct {
	host  *lab.Host
	table *nftables.Table
	chain *nftables.Chain
}

// newDrop adds a rule for what comes to a pair's host, from the server's port at
// the address or, if that is the zero Addr, for that port. What else comes there,
// such as the housekeeping of IPv6, is none of its business.
func newDrop(h *lab.Host, from netip.Addr) (*drop, error) {
	c, err := h.Nftables()
	if err != nil {
		return nil, err
	}
	d := &drop{host: h, table: c.AddTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: "drop"})}
	d.chain = c.AddChain(&nftables.Chain{
		Name: "in", Table: d.table, Type: nftables.ChainTypeFilter, Device: pairDev,
		Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityFilter,
	})
	var rule []expr.Any
	port := uint32(2) // the offset of the destination's in the header of UDP
	if from.IsValid() {
		port = 0 // of the source's
		rule = []expr.Any{
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: from.AsSlice()},
		}
	}
	rule = append(rule,
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{syscall.IPPROTO_UDP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: port, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(echo.Port)},
	)
	c.AddRule(&nftables.Rule{Table: d.table, Chain: d.chain, Exprs: append(rule,
		&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop})})
	if err := c.Flush(); err != nil {
		return nil, fmt.Errorf("compare: dropping on %s: %w", h.Name, err)
	}
	return d, nil
}

// count returns the number of packets dropped.
func (d *drop) count() (uint64, error) {
	c, err := d.host.Nftables()
	if err != nil {
		return 0, err
	}
	rules, err := c.GetRules(d.table, d.chain)
	if err != nil {
		return 0, err
	}
	for _, r := range rules {
		for _, e := range r.Exprs {
			if counter, ok := e.(*expr.Counter); ok {
				return counter.Packets, nil
			}
		}
	}
	return 0, errors.New("compare: the counter of dropped packets is gone")
}

// remove takes the rule away.
func (d *drop) remove() error {
	c, err := d.host.Nftables()
	if err != nil {
		return err
	}
	c.DelTable(d.table)
	return c.Flush()
}
