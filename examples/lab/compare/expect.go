//go:build linux

package compare

// An expectation is the verdict that has to come, and why: by a fact of the
// kernel's, whose number is that of the tests in internal/lab/facts, or by what
// the library promises.
type expectation struct {
	verdict Verdict
	why     string
}

func met(why string) expectation   { return expectation{Met, why} }
func unmet(why string) expectation { return expectation{NotMet, why} }

// Reasons that several cells have.
const (
	ownSource   = "K1.1: sendto leaves from the machine's own address"
	dnatWorks   = "K10.1: with a rule for each VIP"
	firstRule   = "K10.2: a second rule never matches"
	allRewrites = "K10.2: every answer gets the VIP"
	boundOnly   = "K10.3: a bound socket takes no other address"
	boundSource = "K10.3: one socket for each VIP"
	echoed      = "K1.4, K10.4: the way back is the way of the request"
	promised    = "a promise of the library"
)

// expectations are what has to come, by question and repair. The cells that are
// missing are measurements that need not come out one way or the other.
var expectations = map[string]map[string]expectation{
	"one-vip": {
		None: unmet(ownSource), DNATIPTables: met(dnatWorks), DNATNFT: met(dnatWorks), Mangle: met("K10.2: one VIP works"),
		Bind: met(boundSource), BindDSRUDP: met(promised), Pktinfo: met(echoed), DSRUDP: met(promised),
	},
	"two-vips": {
		None: unmet(ownSource), DNATIPTables: met(dnatWorks), DNATNFT: met(dnatWorks), Mangle: unmet(firstRule),
		Bind: met(boundSource), BindDSRUDP: met(promised), Pktinfo: met(echoed), DSRUDP: met(promised),
	},
	"internal-external": {
		None: unmet(ownSource), DNATIPTables: met(dnatWorks), DNATNFT: met(dnatWorks), Mangle: unmet(firstRule),
		Bind: met(boundSource), BindDSRUDP: met(promised), Pktinfo: met(echoed), DSRUDP: met(promised),
	},
	"direct": {
		None: met("the machine's own address is the one that was asked"), DNATIPTables: met("K10.1: the rule is for the VIP alone"), DNATNFT: met("K10.1: the rule is for the VIP alone"),
		Mangle: unmet(allRewrites), Bind: unmet(boundOnly), BindDSRUDP: unmet(boundOnly), Pktinfo: met(echoed), DSRUDP: met(promised),
	},
	"one-port": {
		None: unmet(ownSource), DNATIPTables: met("K10.1: it rewrites the client's port"), DNATNFT: met("K10.1: it rewrites the client's port"),
		Mangle: unmet(firstRule), Bind: met(boundSource), BindDSRUDP: met(promised), Pktinfo: met(echoed), DSRUDP: met(promised),
	},
	"sees": {
		None: unmet("recvfrom tells no destination"), DNATIPTables: unmet("K10.1: destination and port are rewritten"), DNATNFT: unmet("K10.1: destination and port are rewritten"),
		Mangle: unmet("recvfrom tells no destination"), Bind: met(boundSource), BindDSRUDP: met(promised), Pktinfo: met(echoed), DSRUDP: met(promised),
	},
	"ipv6": {
		None: unmet(ownSource), DNATIPTables: met("ip6tables does the same"), DNATNFT: met("nf_tables does the same"), Mangle: met("K10.2: one VIP works"),
		Bind: unmet("K2.3: EADDRNOTAVAIL"), BindDSRUDP: met(promised), Pktinfo: unmet("K2.2: EINVAL"), DSRUDP: met(promised),
	},
	"asymmetric": {
		None: unmet(ownSource), DNATIPTables: met(dnatWorks), DNATNFT: met(dnatWorks), Mangle: met("K10.2: one VIP works"),
		Bind: met(boundSource), BindDSRUDP: met(promised), Pktinfo: unmet("K1.5: the interface that is echoed is not the way back"), DSRUDP: met(promised),
	},
	"broadcast": {
		None: met("the machine's own address is the right one"), DNATIPTables: met("the rule is for the VIP alone"), DNATNFT: met("the rule is for the VIP alone"),
		Mangle: unmet(allRewrites), Bind: unmet(boundOnly), BindDSRUDP: unmet(boundOnly), Pktinfo: met("K1.11: spec_dst is the interface's own address"), DSRUDP: met(promised),
	},
	"fragments": {
		None: unmet(ownSource), DNATIPTables: met(dnatWorks), DNATNFT: met(dnatWorks), Mangle: met("K10.2: one VIP works"),
		Bind: met(boundSource), BindDSRUDP: met(promised), Pktinfo: met("K8.1"), DSRUDP: met(promised),
	},
	"same-host": {
		None: unmet(ownSource), DNATIPTables: unmet("what a host sends to itself does not pass PREROUTING"), DNATNFT: unmet("what a host sends to itself does not pass prerouting"),
		Mangle: unmet("the answer to 127.0.0.1 leaves from 127.0.0.1"), Bind: met(boundSource), BindDSRUDP: met(promised),
		Pktinfo: unmet("K1.6: the interface that is echoed is not the way back"), DSRUDP: met(promised),
	},
	"cpu": {None: met("it is compared with itself"), DSRUDP: met(promised)},
	"memory": {
		None: met("the kernel keeps nothing of UDP clients"), DNATIPTables: unmet("DNAT is stateful"), DNATNFT: unmet("DNAT is stateful"), Mangle: met("it is stateless"),
		Bind: met("the kernel keeps nothing of UDP clients"), BindDSRUDP: met("the kernel keeps nothing of UDP clients"),
		Pktinfo: met("the kernel keeps nothing of UDP clients"), DSRUDP: met("the kernel keeps nothing of UDP clients"),
	},
	"full": {
		None: met("nothing uses the table"), DNATIPTables: unmet("what cannot be tracked is dropped"), DNATNFT: unmet("what cannot be tracked is dropped"), Mangle: met("it is stateless"),
		Bind: met("nothing uses the table"), BindDSRUDP: met("nothing uses the table"), Pktinfo: met("nothing uses the table"), DSRUDP: met("nothing uses the table"),
	},
	"change": {
		None: met("it is compared with itself"), DNATIPTables: met("the program stays"), DNATNFT: met("the program stays"), Mangle: met("the program stays"), DSRUDP: met(promised),
	},
}
