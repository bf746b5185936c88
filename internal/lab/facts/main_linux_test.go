// Package facts_test shows, in labs, what the kernel does with the source of a
// datagram, and what dsrudp makes of it.
//
// A fact has a number, such as K1.5, and a test that is named after it. Its
// "bare" half is the fact itself: sockets of package net, with control messages
// made by hand. Its "dsrudp" half is the same scene with the library. That a
// client gets nothing is told by an event, never by waiting: the stray datagram and the
// client's objection to it are captured, or the server's kernel says that it
// found no way, and then a right answer arrives first on the same socket.
package facts_test

import (
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }
