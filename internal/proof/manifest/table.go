package main

import "strings"

const module = "github.com/dsrudp/go-dsrudp"

// A section is a part of the table.
type section struct {
	title string
	rows  []row
}

// A row is a fact about the kernel (K) or a promise of the library (P), and the
// tests without which nobody could tell that it holds.
type row struct {
	id    string
	says  string
	tests []proof
}

// A proof names a test, or a subtest as TestName/sub: the directory of its
// package in this repository, a space, and its name.
type proof string

func (p proof) test() test {
	dir, name, _ := strings.Cut(string(p), " ")
	return test{module + "/" + dir, name}
}

// sections is the table. Rows keep their numbers, as tests and comments refer
// to them; a number that is missing was of something that is measured but has no
// bearing on the library, or is yet to come.
var sections = []section{
	promises,
	ipv4,
	ipv6,
	dualStack,
	bound,
	control,
	offload,
	batches,
	sizes,
	repairs,
}
