//go:build linux

package compare

import (
	"html/template"

	"github.com/go-analyze/charts"
)

// A bar is one repair's in a chart.
type bar struct {
	name  string
	value float64
}

// chart draws bars as SVG, the first one on top. A value below zero has no bar, and
// stands beside the name.
func chart(title string, bars []bar, format func(float64) string) (template.HTML, error) {
	var values []float64
	var names []string
	most := 1e-9                          // an axis needs some length
	for i := len(bars) - 1; i >= 0; i-- { // the library begins at the bottom
		name, value := bars[i].name, bars[i].value
		if value < 0 && format(value) != format(0) {
			name += ": " + format(value)
		}
		value = max(value, 0)
		most = max(most, value)
		values, names = append(values, value), append(names, name)
	}
	o := charts.NewBarChartOptionWithData([][]float64{values})
	o.Horizontal = true
	o.Title = charts.TitleOption{Text: title, FontStyle: charts.FontStyle{FontSize: 13}}
	o.Legend.Show = charts.Ptr(false)
	o.CategoryAxis.Labels = names
	o.ValueFormatter = format
	o.ValueAxis = []charts.ValueAxisOption{{Min: charts.Ptr(0.0), Max: charts.Ptr(most * 1.2), LabelCount: 5}}
	o.SeriesList[0].Label.Show = charts.Ptr(true)
	o.SeriesList[0].Label.ValueFormatter = format
	o.Padding = charts.NewBoxEqual(12)
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: 760, Height: 110 + 26*len(bars)})
	if err := p.BarChart(o); err != nil {
		return "", err
	}
	svg, err := p.Bytes()
	return template.HTML(svg), err
}

// bars returns a number of a question's cells for each repair that has it.
func (r *Result) bars(question, number string) []bar {
	var bars []bar
	for _, p := range r.Repairs {
		if c := r.Cell(p.ID, question); c != nil {
			if v, ok := c.Numbers[number]; ok {
				bars = append(bars, bar{p.Name, v})
			}
		}
	}
	return bars
}
