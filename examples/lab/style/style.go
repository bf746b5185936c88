// Package style is how the lab's output for people looks.
package style

import "github.com/jedib0t/go-pretty/v6/text"

// Width is that of the terminal the output is made for.
const Width = 100

// Colours, which text.DisableColors turns off.
var (
	Heading = text.Colors{text.Bold}
	Good    = text.Colors{text.FgGreen}
	Bad     = text.Colors{text.FgRed}
)
