//go:build linux

package labtest

import (
	"errors"
	"os"
	"testing"

	"github.com/dsrudp/go-dsrudp/internal/lab"
)

// Main runs the tests of a package that uses labs. It is all that a TestMain
// has to call, and does not return. The tests run in new namespaces if there
// can be any, so that lo is the only interface they find outside of a lab.
func Main(m *testing.M) {
	// The outcome is kept in lab.Available, for Need.
	_ = lab.Enter()
	os.Exit(m.Run())
}

// Need skips the test if the system denies what labs are made of. It fails the
// test if they cannot be had for another reason.
func Need(t testing.TB) {
	t.Helper()
	switch err := lab.Available(); {
	case errors.Is(err, lab.ErrUnavailable):
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}

// New is lab.New for the duration of the test.
func New(t testing.TB, o lab.Options) *lab.Lab {
	t.Helper()
	Need(t)
	l, err := lab.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// NewHost is lab.NewHost for the duration of the test.
func NewHost(t testing.TB, name string) *lab.Host {
	t.Helper()
	Need(t)
	h, err := lab.NewHost(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// Capture is Host.Capture for the duration of the test, which fails if the
// record has gaps.
func Capture(t testing.TB, h *lab.Host, dev string) *lab.Capture {
	t.Helper()
	c, err := h.Capture(dev)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}
