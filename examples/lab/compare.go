//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"github.com/dsrudp/go-dsrudp/examples/lab/compare"
)

// A comparison is what runs one: compare.Run.
type comparison func(ctx context.Context, o compare.Options) (*compare.Result, error)

// compareJob runs a comparison and writes its result, and returns the exit code.
func compareJob(ctx context.Context, o options, run comparison, stdout, stderr io.Writer) int {
	logger := log.New(stderr, "", 0)
	out, err := openOutputs(o)
	if err != nil {
		logger.Print(err)
		return 1
	}
	progress, end := newProgress(stderr)
	what := o.comparing()
	what.Progress = progress
	res, err := run(ctx, what)
	end()
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("the comparison was broken off: %w", context.Cause(ctx))
		}
		logger.Print(errors.Join(err, out.close()))
		return 1
	}
	faults := res.Faults()
	if o.json.on && o.json.file == "" {
		err = res.WriteJSON(stdout)
		for _, f := range faults {
			logger.Print(f)
		}
	} else {
		res.WriteText(stdout)
	}
	if err = errors.Join(err, out.write(res), out.close()); err != nil {
		logger.Print(err)
	}
	if err != nil || len(faults) > 0 {
		return 1
	}
	return 0
}
