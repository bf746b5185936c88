// Package compare runs the four repairs of Google's document "Use UDP with
// external passthrough Network Load Balancers", and dsrudp, on real packets, and
// puts the same questions to each: the document's table of pros and cons, with
// what was measured in every cell.
//
// A [Repair] is a program and what it needs on its host. A [Question] is put to a
// repair in a lab of its own. Whether an answer was accepted is decided by
// connected sockets and by captures of the wire; no verdict asks the servers, but
// for what they say that they know of a request. What comes of it is a [Cell].
// Where it is known beforehand what has to come of it, the cell says that too, and
// a difference is a surprise: also the right verdict for another reason than the
// one that is known. Reasons do ask the servers: what error they met, and how many
// answers they believe that they sent. A [Claim] is what the document says of a
// repair, held against the cells.
//
// The directory results has what one whole run found, the project's README the table
// of it, and this directory's README the claims. To repeat it on a machine that is idle
// otherwise, from the repository's root:
//
//	go generate ./examples/lab/compare
//
// The package is for Linux only, and empty elsewhere.
package compare

//go:generate go run .. -compare -json results/result.json
//go:generate go test -run ^TestResults$ . -update
