//go:build linux

package compare

import (
	"net/netip"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/internal/lab"
	"github.com/dsrudp/go-dsrudp/internal/lab/repair"
)

// A Repair is one way to have answers leave from the VIP.
type Repair struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Short string `json:"-"` // for the head of a narrow column

	// Commands are what a person types on the backend, for one VIP, for two, and
	// for one in IPv6.
	Commands        []string `json:"commands,omitempty"`
	CommandsTwoVIPs []string `json:"commandsTwoVIPs,omitempty"`
	CommandsIPv6    []string `json:"commandsIPv6,omitempty"`

	// Note is what else has to be known of the run.
	Note string `json:"note,omitempty"`

	program program
	// apply changes the host, or is nil.
	apply func(h *lab.Host, vips []netip.Addr, internal netip.Addr) error
	// clear removes what apply did, where it is not just tables of nf_tables, or
	// is nil.
	clear func(h *lab.Host) error
	// tool is the program that a person types for it, or empty.
	tool string
	// commands returns what a person types for it, or is nil.
	commands func(port uint16, internal netip.Addr, vips ...netip.Addr) []repair.Command
	// stateful says that the kernel is to remember clients.
	stateful bool
	// lone says that it can serve one VIP and no other.
	lone bool
}

// Identifiers of the repairs, in the order of the table.
const (
	None         = "none"
	DNATIPTables = "dnat-iptables"
	DNATNFT      = "dnat-nft"
	Mangle       = "mangle"
	Bind         = "bind"
	BindDSRUDP   = "bind-dsrudp"
	Pktinfo      = "pktinfo"
	DSRUDP       = "dsrudp"
)

// repairs returns all of them. Rules are made over netlink until useTools finds
// that the commands work.
func repairs() []Repair {
	rs := []Repair{
		{ID: None, Name: "no repair (net)", Short: "none", program: naiveProgram, Note: "the document's first program: examples/lab/compare/programs/naive"},
		{
			ID: DNATIPTables, Name: "DNAT by iptables", Short: "iptables", program: naiveProgram,
			apply: dnat, tool: "iptables", commands: repair.DNATByIPTables, stateful: true, Note: overNetlink,
		},
		{
			ID: DNATNFT, Name: "DNAT by nft", Short: "nft dnat", program: naiveProgram,
			apply: dnat, tool: "nft", commands: repair.DNATByNFT, stateful: true, Note: overNetlink,
		},
		{
			ID: Mangle, Name: "stateless mangling by nft", Short: "mangle", program: naiveProgram,
			apply: mangle, tool: "nft", commands: repair.MangleByNFT, lone: true, Note: overNetlink,
		},
		{
			ID: Bind, Name: "bind to the VIP (net)", Short: "bind", program: boundProgram,
			Note: "one socket for each VIP: examples/lab/compare/programs/bound",
		},
		{
			ID: BindDSRUDP, Name: "bind to the VIP (dsrudp)", Short: "bind/dsr", program: boundDSRUDP,
			Note: "one socket for each VIP: examples/lab/compare/programs/bounddsrudp",
		},
		{
			ID: Pktinfo, Name: "control data echoed", Short: "pktinfo", program: pktinfoProgram,
			Note: "recvmsg and sendmsg as in the document: the control data goes back as it came: examples/lab/compare/programs/pktinfo, whose lines are counted without its function for IPv6",
		},
		{ID: DSRUDP, Name: "dsrudp", Short: "dsrudp", program: dropinProgram, Note: "dsrudp.ListenUDP in place of net.ListenUDP: examples/lab/compare/programs/dropin"},
	}
	for i := range rs {
		rs[i].Commands = rs[i].typed(lab.FirstInternal4, lab.FirstVIP4)
		rs[i].CommandsTwoVIPs = rs[i].typed(lab.FirstInternal4, lab.FirstVIP4, lab.SecondVIP4)
		rs[i].CommandsIPv6 = rs[i].typed(lab.FirstInternal6, lab.FirstVIP6)
	}
	return rs
}

func dnat(h *lab.Host, vips []netip.Addr, internal netip.Addr) error {
	for _, v := range vips {
		if err := repair.DNAT(h, netip.AddrPortFrom(v, echo.Port), internal); err != nil {
			return err
		}
	}
	return nil
}

func mangle(h *lab.Host, vips []netip.Addr, internal netip.Addr) error {
	for _, v := range vips {
		if err := repair.Mangle(h, netip.AddrPortFrom(internal, echo.Port), v); err != nil {
			return err
		}
	}
	return nil
}
