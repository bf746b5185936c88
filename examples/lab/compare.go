//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare"
)

// A comparison is what runs one: compare.Run.
type comparison func(ctx context.Context, o compare.Options) (*compare.Result, error)

// compareJob runs a comparison and writes its result, and returns the exit code.
func compareJob(ctx context.Context, o options, run comparison, stdout, stderr io.Writer) int {
	logger := log.New(stderr, "", 0)
	start := time.Now()
	progress, end := newProgress(stderr)
	res, err := run(ctx, compare.Options{Progress: progress})
	end()
	if err != nil {
		logger.Print(err)
		return 1
	}
	if o.json.on && o.json.file == "" {
		err = res.WriteJSON(stdout)
	} else {
		res.WriteText(stdout)
		fmt.Fprintf(stdout, "It took %.0f seconds.\n", time.Since(start).Seconds())
	}
	if err == nil && o.json.file != "" {
		err = writeJSONFile(o.json.file, res)
	}
	if err == nil && o.report != "" {
		err = res.WriteReport(o.report)
	}
	if err != nil {
		logger.Print(err)
		return 1
	}
	faults := res.Faults()
	if o.json.on && o.json.file == "" {
		for _, f := range faults {
			logger.Print(f)
		}
	}
	if len(faults) > 0 {
		return 1
	}
	return 0
}

func writeJSONFile(name string, res *compare.Result) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := res.WriteJSON(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
