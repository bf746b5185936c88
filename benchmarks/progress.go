//go:build linux

package main

import (
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"
)

// A bar shows how much is done and how long the rest takes, on a terminal.
type bar struct {
	writer  progress.Writer // nil where there is no terminal
	tracker *progress.Tracker
	stopped chan struct{}
}

// newBar returns the bar of a number of windows.
func newBar(w io.Writer, windows int) *bar {
	if f, ok := w.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return &bar{}
	}
	b := &bar{progress.NewWriter(), &progress.Tracker{Total: int64(windows), Units: progress.UnitsDefault}, make(chan struct{})}
	b.writer.SetOutputWriter(w)
	b.writer.SetStyle(progress.StyleBlocks)
	b.writer.Style().Visibility.ETA = true
	b.writer.Style().Visibility.Value = false
	b.writer.SetMessageLength(16)
	b.writer.SetUpdateFrequency(time.Second) // it needs a processor, too
	b.writer.AppendTracker(b.tracker)
	go func() {
		defer close(b.stopped)
		b.writer.Render()
	}()
	return b
}

// now says what is being done.
func (b *bar) now(scenario string) {
	if b.writer != nil {
		b.tracker.UpdateMessage(scenario)
	}
}

// step is called after each window.
func (b *bar) step() {
	if b.writer != nil {
		b.tracker.Increment(1)
	}
}

// more is called when there are to be more windows.
func (b *bar) more(windows int) {
	if b.writer != nil {
		b.tracker.UpdateTotal(b.tracker.Total + int64(windows))
	}
}

// stop takes the bar away.
func (b *bar) stop() {
	if b.writer != nil {
		b.writer.Stop()
		<-b.stopped
	}
}
