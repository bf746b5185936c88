//go:build linux

package compare

import "slices"

// dnats are one repair in two ways, of which the document has the first.
var dnats = []string{DNATIPTables, DNATNFT}

// document are the pros and cons of Google's document, in its order and in short.
var document = []claimed{
	{repairs: dnats, side: Pro, says: "the program stays as it is", checks: []check{programStays}},
	{repairs: dnats, side: Pro, says: "serves several load balancers", checks: verdicts(Met, "two-vips", "internal-external")},
	{repairs: dnats, side: Con, says: "takes extra CPU", checks: []check{extraCPU}},
	{repairs: dnats, side: Con, says: "is stateful, so that memory grows with the clients", checks: verdicts(NotMet, "memory")},

	{repairs: []string{Mangle}, side: Pro, says: "the program stays as it is", checks: []check{programStays}},
	{
		repairs: []string{Mangle}, side: Pro, says: "is stateless, and takes much less than DNAT",
		checks: slices.Concat(verdicts(Met, "memory"), []check{muchLessCPUThanDNAT}),
	},
	{repairs: []string{Mangle}, side: Con, says: "does not serve several load balancers", checks: verdicts(NotMet, "two-vips", "internal-external")},
	{repairs: []string{Mangle}, side: Con, says: "takes extra CPU", checks: []check{extraCPU}},
	{
		repairs: []string{Mangle}, side: Con, says: "needs a kernel above 4.10, and some distributions have no nftables",
		open: "a run has one kernel; no older one was tried",
	},

	{repairs: []string{Bind}, side: Pro, says: "is a simple change to the program", checks: []check{oneLineBinds}},
	{repairs: []string{Bind}, side: Con, says: "does not serve several load balancers", checks: []check{oneSocketFails}},

	{
		repairs: []string{Pktinfo}, side: Pro, says: "serves several load balancers, an internal beside an external one too",
		checks: verdicts(Met, "two-vips", "internal-external"),
	},
	{repairs: []string{Pktinfo}, side: Con, says: "needs complex changes to the program", checks: verdicts(NotMet, "change")},
	{
		repairs: []string{Pktinfo}, side: Con, says: "cannot be had in some programs",
		open: "it is of programs that are not here",
	},
}
