// Package compare runs the four repairs of Google's document "Use UDP with
// external passthrough Network Load Balancers", and dsrudp, on real packets, and
// puts the same questions to each: the document's table of pros and cons, with
// what was measured in every cell.
//
// A [Repair] is a program and what it needs on its host. A [Question] is put to a
// repair in a lab of its own. Whether an answer was accepted is decided by
// connected sockets and by captures of the wire; no verdict asks the servers, but
// for what they say that they know of a request. The result is a [Cell]. Where it is
// known beforehand, the cell says what had to come and in what it differs: also if
// the verdict is right, and what happened is not what is known. That does ask the
// servers: which error they got, and how many answers they believe that they sent. A
// [Claim] is what the document says of a repair, held against the cells.
//
// One reads it from questions.go, which is the table, by asked.go, cpu.go, memory.go,
// full.go and change.go, which put its questions, to run.go, and text.go and report.go,
// which print the result.
//
// The file results/result.json has what one whole run found, and README.md its tables. To
// repeat it on a machine that is idle otherwise, run from the repository's root
//
//	go generate ./examples/lab/compare
//	go test -run TestResults ./examples/lab/compare
//
// of which the second prints the tables that are to be put into README.md.
//
// The package is for Linux only, and empty elsewhere.
package compare

//go:generate go run .. -compare -json results/result.json
