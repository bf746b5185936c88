package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A stopper is an output that ends a context when something is printed.
type stopper struct {
	bytes.Buffer
	at   string
	stop func()
}

func (s *stopper) Write(b []byte) (int, error) {
	n, err := s.Buffer.Write(b)
	if strings.Contains(s.String(), s.at) {
		s.stop()
	}
	return n, err
}

// TestInterrupted: what was not tried is not called rotten, and what was is reported.
func TestInterrupted(t *testing.T) {
	bs := []breakage{
		breaking("doubling", "return n + n }", "return n }", "^TestDouble$"),
		breaking("tripling", "n + n + n", "n + n", "^TestTriple$"),
		breaking("harmless", "func Nothing() {}", "func Nothing() { _ = 1 }", "^TestTriple$"),
	}
	for name, tc := range map[string]struct {
		at   string
		bs   []breakage
		says []string
	}{
		"before the first": {"3 of 3 breakages", bs, []string{"interrupted: 3 of 3 breakages were not tried"}},
		"after the first":  {"TestDouble/two", bs, []string{"doubling", "interrupted: 2 of 3 breakages were not tried"}},
		"after a survivor": {"SURVIVED", []breakage{bs[2], bs[0]}, []string{
			"interrupted: 1 of 2 breakages were not tried", "1 of 1 breakages were not caught",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			out := &stopper{at: tc.at, stop: stop}
			status := run(ctx, []string{"-root", write(t, module), "-timeout", patience, "-parallel", "1"}, tc.bs, out, out)
			require.Equal(t, 1, status, out.String())
			for _, s := range tc.says {
				require.Contains(t, out.String(), s)
			}
			require.NotContains(t, strings.ToLower(out.String()), "rotten")
			require.NotContains(t, out.String(), "tripling")
		})
	}
}
