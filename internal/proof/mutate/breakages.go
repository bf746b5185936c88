package main

import "slices"

// breakages are the ones that the promises deserve, by the part of the library
// that they break.
var breakages = slices.Concat(
	receiving,
	sending,
	remembering,
	controlData,
	carriers,
	memory,
	guarding,
	withdrawing,
	listening,
	netsShape,
	races,
	serving,
	answering,
	shutting,
	batches,
	offloading,
	merging,
	holding,
	counting,
	limits,
	givingUp,
	shortWays,
	owning,
	keeping,
	interrupting,
)

// tests selects tests of one package.
func tests(dir, run string) selection { return selection{dir: dir, run: run} }

// raceTests selects tests of one package, with the race detector.
func raceTests(dir, run string) selection { return selection{dir: dir, run: run, race: true} }

// The packages that selections name most.
const (
	public     = "dsrudp"
	facts      = "internal/lab/facts"
	localroute = "internal/localroute"
	mmsg       = "internal/mmsg"
	pathmem    = "internal/pathmem"
	pktinfo    = "internal/pktinfo"
	udpaddr    = "internal/udpaddr"
)
