//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"

	"github.com/dsrudp/go-dsrudp/examples/lab/style"
)

// newProgress returns a function that shows how far a comparison is, and one that
// ends it: a bar on a terminal, and elsewhere a line now and then, and one for each
// measurement that begins.
func newProgress(w io.Writer) (show func(done, all int, what string), end func()) {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return bar(w)
	}
	tenths, before := 0, 0
	return func(done, all int, what string) {
		if done == before { // nothing is done yet of what is told
			fmt.Fprintf(w, "      measuring: %s\n", what)
		}
		before = done
		if now := 10 * done / all; now > tenths {
			tenths = now
			fmt.Fprintf(w, "%3d %% (%s)\n", 100*done/all, what)
		}
	}, func() {}
}

func bar(w io.Writer) (show func(done, all int, what string), end func()) {
	p := progress.NewWriter()
	p.SetOutputWriter(w)
	p.SetMessageLength(style.Width / 2)
	p.SetTrackerLength(style.Width / 4)
	p.SetUpdateFrequency(200 * time.Millisecond) // it runs beside measurements
	p.Style().Visibility.Value = false           // cells say little by their number
	tracker := &progress.Tracker{Message: "building labs"}
	p.AppendTracker(tracker)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Render()
	}()
	return func(done, all int, what string) {
			tracker.UpdateTotal(int64(all))
			tracker.UpdateMessage(what)
			tracker.SetValue(int64(done))
		}, func() {
			tracker.MarkAsDone()
			stop(p, ended)
		}
}

// stop stops a bar and waits for its end. Stop by itself does nothing where Render
// has only begun, as it has if a comparison fails at once, and nothing tells when
// it would: so it is repeated.
func stop(p progress.Writer, ended <-chan struct{}) {
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		p.Stop()
		select {
		case <-ended:
			return
		case <-again.C:
		}
	}
}
