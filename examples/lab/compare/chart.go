//go:build linux

package compare

import (
	"math"
	"strconv"
)

// A chart is a number of a question's cells, with a bar for each repair that has it.
// Lengths and places across are in percent of the chart's width, so that it fits any
// screen with its text at full size; heights are in pixels. Each bar is below its own
// line of text, where it covers nothing.
type chart struct {
	Title  string
	Rows   []chartRow
	Ticks  []tick
	Bottom int // where the rows end
	Height int
}

type chartRow struct {
	Name, Value string
	Percent     float64 // the bar's length
	Baseline    int     // of the text
	Top         int     // of the bar
}

type tick struct {
	Label   string
	Percent float64
	Anchor  string // of the label, which stays inside the chart
}

// Heights of the parts of a chart.
const (
	textHeight = 18
	barHeight  = 12
	rowHeight  = textHeight + barHeight + 8
)

// charts returns those that the result has numbers for.
func (r *Result) charts() []chart {
	var charts []chart
	for _, c := range []struct {
		title, question, number string
		digits                  int // after the point
	}{
		{"Server's CPU per datagram, as a ratio to the naive program", "cpu", "ratio", 2},
		{"Connections the kernel tracks for 100\u00a0000 clients", "memory", "entries of 100000", 0},
		{"Kernel memory for each of 100\u00a0000 clients, in bytes", "memory", "kernel bytes per client", 0},
		{"New or changed lines in the program", "change", "lines", 0},
	} {
		var names []string
		var values []float64
		for _, p := range r.Repairs {
			if cell := r.Cell(p.ID, c.question); cell != nil && len(cell.Numbers) > 0 {
				names = append(names, p.Name)
				values = append(values, cell.Numbers[c.number])
			}
		}
		if len(values) > 0 {
			charts = append(charts, newChart(c.title, names, values, c.digits))
		}
	}
	return charts
}

// newChart returns a chart of values rounded to so many digits: what is shown as 0 has
// no bar.
func newChart(title string, names []string, values []float64, digits int) chart {
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	step, n := ticks(most)
	end := step * float64(n)
	c := chart{Title: title, Bottom: rowHeight * len(values)}
	c.Height = c.Bottom + textHeight + 4
	for i, v := range values {
		scale := math.Pow10(digits)
		v = max(math.Round(v*scale)/scale, 0)
		top := rowHeight * i
		c.Rows = append(c.Rows, chartRow{
			Name: names[i], Value: number(v, digits), Percent: 100 * v / end, Baseline: top + textHeight - 4, Top: top + textHeight,
		})
	}
	for i := range n + 1 {
		t := tick{Percent: 100 * float64(i) / float64(n), Anchor: "middle"}
		t.Label = number(step*float64(i), max(0, -int(math.Floor(math.Log10(step)))))
		switch i {
		case 0:
			t.Anchor = "start"
		case n:
			t.Anchor = "end"
		}
		c.Ticks = append(c.Ticks, t)
	}
	return c
}

// ticks returns the steps of an axis from 0 to at least most: at most four, of 1, 2 or 5
// times a power of ten.
func ticks(most float64) (step float64, n int) {
	if most <= 0 {
		return 1, 1
	}
	power := math.Pow(10, math.Floor(math.Log10(most))-1)
	for _, m := range []float64{1, 2, 5, 10, 20, 50} {
		step = m * power
		if n = int(math.Ceil(most/step - 1e-9)); n <= 4 {
			break
		}
	}
	return step, n
}

// number writes a number with so many digits after the point, and large ones as 100 000.
func number(v float64, digits int) string {
	if digits == 0 {
		return thousands(int(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}
