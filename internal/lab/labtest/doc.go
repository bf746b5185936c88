// Package labtest is package lab for tests: where labs cannot be had, tests
// that need one are skipped and say why, and the others run.
//
//	func TestMain(m *testing.M) { labtest.Main(m) }
//
//	func TestReply(t *testing.T) {
//		l := labtest.New(t, lab.Options{Balancer: lab.Maglev})
//		wire := labtest.Capture(t, l.Client, "eth0")
//		...
//	}
//
// The package is for Linux only, and empty elsewhere.
package labtest
