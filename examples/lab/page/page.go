// Package page has how the lab's output for people looks.
package page

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Width is that of the terminal the output is made for.
const Width = 100

// Colours, which text.DisableColors turns off.
var (
	Heading = text.Colors{text.Bold}
	Good    = text.Colors{text.FgGreen}
	Bad     = text.Colors{text.FgRed}
)

// Paragraph writes words in lines that fit, with first before the first line and as
// many blanks as hang says before the others.
func Paragraph(w io.Writer, first string, hang int, words string) {
	lines := strings.Split(text.WrapSoft(words, Width-max(len(first), hang)-2), "\n")
	for i, l := range lines {
		if i > 0 {
			first = strings.Repeat(" ", hang)
		}
		fmt.Fprintln(w, first+strings.TrimRight(l, " "))
	}
}

// Table returns an empty table, with blanks before each column.
func Table(w io.Writer, before string) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleDefault)
	t.Style().Format.Header = text.FormatDefault
	t.Style().Options = table.Options{SeparateHeader: true}
	t.Style().Box.PaddingLeft, t.Style().Box.PaddingRight = before, ""
	return t
}

// Plural returns a number of things: "one line", "2 lines".
func Plural(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
