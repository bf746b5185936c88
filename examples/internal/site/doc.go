// Package site is for the tests of the examples: a server of theirs on the backends of a
// lab, and clients that ask it through the balancer's addresses.
//
//	func TestMain(m *testing.M) { labtest.ProgramMain(m, main, nil) }
//
//	func TestLab(t *testing.T) {
//		site.Each(t, lab.Options{}, func(t *testing.T, s *site.Site) {
//			for _, b := range s.Backends {
//				site.Start(t, b.Host, "-listen", ":5353")
//			}
//			for _, vip := range s.VIPs {
//				out, err := site.Run(t, s.Client, "dig", "@"+vip.String(), "-p", "5353")
//				...
//			}
//		})
//	}
//
// The package is for Linux only, and empty elsewhere.
package site
