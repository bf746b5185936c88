//go:build linux

package compare

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/bound"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/bounddsrudp"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/boundone"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/dropin"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/echo"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/naive"
	"github.com/dsrudp/go-dsrudp/examples/lab/compare/programs/pktinfo"
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
	rules   *rules
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

// A program is the echo server of a repair.
type program struct {
	name    string // of its directory in programs
	listen  func(vips []netip.Addr) ([]net.PacketConn, error)
	listen6 func(vips []netip.Addr) ([]net.PacketConn, error) // for IPv6, if it is another
	answer  func(c net.PacketConn, b []byte) error
	report  func(c net.PacketConn, b []byte) error // answer, with what the program knows of the request
	single  *program                               // a simpler one that serves one VIP alone, if there is one
}

var (
	naiveProgram   = program{name: "naive", listen: naive.Listen, answer: echo.Answer, report: echo.AnswerWithReport}
	boundOne       = program{name: "boundone", listen: boundone.Listen, answer: echo.Answer, report: echo.AnswerWithReport}
	boundProgram   = program{name: "bound", listen: bound.Listen, answer: echo.Answer, report: echo.AnswerWithReport, single: &boundOne}
	boundDSRUDP    = program{name: "bounddsrudp", listen: bounddsrudp.Listen, answer: echo.Answer, report: echo.AnswerWithReport}
	pktinfoProgram = program{name: "pktinfo", listen: pktinfo.Listen, listen6: pktinfo.Listen6, answer: pktinfo.Answer, report: pktinfo.AnswerWithReport}
	dropinProgram  = program{name: "dropin", listen: dropin.Listen, answer: echo.Answer, report: dropin.AnswerWithReport}
)

// Rules are what a repair changes on the host.
type rules struct {
	tool     string // by which a person makes them
	commands func(port uint16, internal netip.Addr, vips ...netip.Addr) []repair.Command
	netlink  func(h *lab.Host, vip, internal netip.Addr) error // makes those for one VIP without the tool
	byTool   bool                                              // the tool makes them here
	stateful bool                                              // the kernel remembers clients
	single   bool                                              // they serve one VIP alone
}

// sharedTables is what to know of the tables that nft's commands name.
const sharedTables = "The tables nat and raw are also those of an iptables that works by nf_tables: on a host that has one, let nft's be of another name."

// repairs returns all of them. Rules are made over netlink until useTools finds
// that the commands work.
func repairs() []Repair {
	const dir = "examples/lab/compare/programs/"
	dnat := func(tool string, commands func(uint16, netip.Addr, ...netip.Addr) []repair.Command) *rules {
		return &rules{tool: tool, commands: commands, stateful: true, netlink: func(h *lab.Host, vip, internal netip.Addr) error {
			return repair.DNAT(h, at(vip), internal)
		}}
	}
	mangle := &rules{tool: "nft", commands: repair.MangleByNFT, single: true, netlink: func(h *lab.Host, vip, internal netip.Addr) error {
		return repair.Mangle(h, at(internal), vip)
	}}
	rs := []Repair{
		{ID: None, Name: "no repair (net)", Short: "none", program: naiveProgram, Note: "the document's first program: " + dir + "naive"},
		{ID: DNATIPTables, Name: "DNAT by iptables", Short: "iptables", program: naiveProgram, rules: dnat("iptables", repair.DNATByIPTables)},
		{ID: DNATNFT, Name: "DNAT by nft", Short: "nft dnat", program: naiveProgram, rules: dnat("nft", repair.DNATByNFT)},
		{ID: Mangle, Name: "stateless mangling by nft", Short: "mangle", program: naiveProgram, rules: mangle},
		{ID: Bind, Name: "bind to the VIP (net)", Short: "bind", program: boundProgram, Note: "one socket for each VIP: " + dir + "bound"},
		{ID: BindDSRUDP, Name: "bind to the VIP (dsrudp)", Short: "bind/dsr", program: boundDSRUDP, Note: "one socket for each VIP: " + dir + "bounddsrudp"},
		{
			ID: Pktinfo, Name: "control data echoed", Short: "pktinfo", program: pktinfoProgram,
			Note: "recvmsg and sendmsg as in the document: the control data goes back as it came: " + dir + "pktinfo, whose lines are counted without its function for IPv6",
		},
		{ID: DSRUDP, Name: "dsrudp", Short: "dsrudp", program: dropinProgram, Note: "dsrudp.ListenUDP in place of net.ListenUDP: " + dir + "dropin"},
	}
	for i, r := range rs {
		if r.rules != nil {
			rs[i].Note = overNetlink
			rs[i].Commands = r.rules.typed(lab.FirstInternal4, lab.FirstVIP4)
			rs[i].CommandsTwoVIPs = r.rules.typed(lab.FirstInternal4, lab.FirstVIP4, lab.SecondVIP4)
			rs[i].CommandsIPv6 = r.rules.typed(lab.FirstInternal6, lab.FirstVIP6)
		}
	}
	return rs
}

// typed returns what a person types for VIPs.
func (r *rules) typed(internal netip.Addr, vips ...netip.Addr) (lines []string) {
	for _, c := range r.commands(echo.Port, internal, vips...) {
		lines = append(lines, c.String())
	}
	return lines
}

// A commandSet is commands and what they are for. Each set is complete.
type commandSet struct {
	Title string
	Lines []string
}

// CommandSets returns what a person types for the repair.
func (r Repair) CommandSets() []commandSet {
	if r.rules == nil {
		return nil
	}
	two := "two VIPs"
	if r.rules.single {
		two += " (the second rule never matches)"
	}
	return []commandSet{{"one VIP", r.Commands}, {two, r.CommandsTwoVIPs}, {"one VIP, IPv6", r.CommandsIPv6}}
}

func (r Repair) stateful() bool { return r.rules != nil && r.rules.stateful }

// apply makes the repair's rules on a host, for VIPs of one family.
func (r Repair) apply(h *lab.Host, vips []netip.Addr, internal netip.Addr) error {
	switch {
	case r.rules == nil:
		return nil
	case r.rules.byTool:
		return repair.Run(h, r.rules.commands(echo.Port, internal, vips...)...)
	}
	for _, v := range vips {
		if err := r.rules.netlink(h, v, internal); err != nil {
			return err
		}
	}
	return nil
}

// overNetlink is of a repair whose rules were made without the tool that a person
// types into. The kernel's rules are the same; the commands are not tried.
const overNetlink = "rules made over netlink; the commands were not run"

// useTools has rules be made by the commands that are shown where their tools are
// installed and work: the iptables of old, which does not know nf_tables, may not be
// an ordinary user's to run. Where one does not, the repair's note says so.
func useTools(rs []Repair) error {
	for i := range rs {
		r := &rs[i]
		if r.rules == nil {
			continue
		}
		r.rules.byTool = true
		h, err := lab.NewHost(r.rules.tool)
		if err != nil {
			return err
		}
		failed := r.apply(h, []netip.Addr{lab.FirstVIP4}, lab.FirstInternal4)
		if failed == nil {
			failed = r.apply(h, []netip.Addr{lab.FirstVIP6}, lab.FirstInternal6)
		}
		if err := h.Close(); err != nil {
			return err
		}
		r.noteTool(failed)
	}
	return nil
}

// noteTool notes how the rules are made: over netlink if the tool has failed.
func (r *Repair) noteTool(failed error) {
	if failed == nil {
		r.Note = fmt.Sprintf("rules made by the %s command", r.rules.tool)
		return
	}
	why := r.rules.tool + " is not installed here"
	if !errors.Is(failed, repair.ErrNotInstalled) {
		why = fmt.Sprintf("%s does not work here (%v)", r.rules.tool, failed)
	}
	r.rules.byTool = false
	r.Note = overNetlink + ": " + why
	if r.rules.tool == "iptables" { // its rules are nft's now, and its column is a second one of those
		r.Note = "NOT MADE BY IPTABLES: " + r.Note
		r.Name += " (by nf_tables)"
		r.Short = "ipt.=nft"
	}
}

// A listenError is of a program that could not listen, which is a result and no
// fault of the comparison.
type listenError struct{ error }

func (e *listenError) Unwrap() error { return e.error }

// open opens the program's sockets on a host.
func (p program) open(h *lab.Host, vips []netip.Addr) (conns []net.PacketConn, err error) {
	listen := p.listen
	if p.listen6 != nil && vips[0].Is6() {
		listen = p.listen6
	}
	err = h.Do(func() (err error) {
		conns, err = listen(vips)
		return err
	})
	if err != nil {
		closeAll(conns)
		return nil, &listenError{err}
	}
	return conns, nil
}

func closeAll(conns []net.PacketConn) {
	for _, c := range conns {
		c.Close()
	}
}

// A server is a program that runs. What it counts explains results and decides none.
type server struct {
	conns   []net.PacketConn
	running sync.WaitGroup
	sent    atomic.Int64          // answers, by its own account
	failed  atomic.Pointer[error] // the last
}

// start runs a program on a host. If it reports, its answers say what it knows of
// requests.
func (p program) start(h *lab.Host, vips []netip.Addr, reports bool) (*server, error) {
	conns, err := p.open(h, vips)
	if err != nil {
		return nil, err
	}
	answer := p.answer
	if reports {
		answer = p.report
	}
	s := &server{conns: conns}
	for _, c := range conns {
		s.running.Go(func() {
			echo.Serve(c, func(c net.PacketConn, b []byte) error {
				err := answer(c, b)
				if err == nil {
					s.sent.Add(1)
				}
				return err
			}, func(err error) { s.failed.Store(&err) })
		})
	}
	return s, nil
}

func (s *server) stop() {
	closeAll(s.conns)
	s.running.Wait()
}
