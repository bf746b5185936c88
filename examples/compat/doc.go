// Package compat has no code but tests: they run servers of other people's libraries, as
// these are published, on a [dsrudp.Conn], and ask them at VIPs through both balancers of
// the lab. The README's table of what works, and how, has a row for each.
//
// [dsrudp.Conn]: https://pkg.go.dev/github.com/dsrudp/go-dsrudp/dsrudp#Conn
package compat
