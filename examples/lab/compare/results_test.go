//go:build linux

package compare

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/stretchr/testify/require"
)

// update has TestResults write what it else compares: see doc.go.
var update = flag.Bool("update", false, "write the tables of results/result.json to the READMEs and to results/table.md, and its numbers to the READMEs and to the package's documentation")

//go:embed results/result.json
var committed []byte

// Where numbers and commands of the comparison are repeated.
const (
	readme     = "../../../README.md"
	page       = "README.md"
	packageDoc = "../../../dsrudp/doc.go"
)

// The page and the package documentation have the commands as they are run.
func TestDocumentedCommands(t *testing.T) {
	for _, name := range []string{page, packageDoc} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, r := range repairs() {
			for _, command := range r.Commands {
				require.Regexp(t, `(?m)^(//\t)?`+regexp.QuoteMeta(command)+"$", string(b), name)
			}
		}
	}
}

// Between these marks a text has what go generate writes.
const (
	begin = "<!-- begin: written by go generate ./examples/lab/compare -->\n"
	end   = "<!-- end -->\n"
)

// A replica is a file that repeats what the committed run found.
type replica struct {
	name    string
	block   string // between the marks; a file without it has none
	phrases []phrase
}

// text returns the file's text, and what it has to be.
func (r replica) text(t *testing.T) (is, want string) {
	b, err := os.ReadFile(r.name)
	require.NoError(t, err)
	is = string(b)
	want = is
	if r.block != "" {
		before, rest, found := strings.Cut(is, begin)
		require.True(t, found, r.name)
		_, after, found := strings.Cut(rest, end)
		require.True(t, found, r.name)
		want = before + begin + r.block + end + after
	}
	for _, p := range r.phrases {
		want = p.put(t, want)
	}
	return is, want
}

// The committed result is that of a whole and good run, in which what is expected
// now was seen, and the READMEs show it and nothing else, also in their prose.
func TestResults(t *testing.T) {
	var r struct {
		OK bool
		Result
	}
	require.NoError(t, json.Unmarshal(committed, &r))
	require.True(t, r.OK)
	require.Empty(t, r.Faults())
	require.Equal(t, len(repairs())*len(questions()), r.ran(), "repeat it: go generate ./examples/lab/compare")
	for _, c := range r.Cells {
		f := finding{verdict: c.Verdict, happened: c.Happened, work: c.Work}
		require.Empty(t, expectations[c.Question][c.Repair].differs(f), "%s, %s", c.Repair, c.Question)
		require.Empty(t, idle(Repair{ID: c.Repair}, Question{reads: c.Question == "change"}, f), "%s, %s: go generate ./examples/lab/compare", c.Repair, c.Question)
	}
	for i, q := range questions() {
		require.Equal(t, q.Title+": "+q.Asks, r.Questions[i].Title+": "+r.Questions[i].Asks, "the result is of another question: go generate ./examples/lab/compare")
	}
	table, claims := r.MarkdownTable(), r.MarkdownClaims()
	on := fmt.Sprintf("On %v:\n\n", r.Machine)
	for _, repeated := range []replica{
		{readme, on + table + "\n", readmePhrases(t, &r.Result)},
		{page, on + claims + "\n", pagePhrases(t, &r.Result)},
		{packageDoc, "", []phrase{bytesEach(t, &r.Result)}},
	} {
		is, want := repeated.text(t)
		if *update {
			require.NoError(t, os.WriteFile(repeated.name, []byte(want), 0o666))
			continue
		}
		require.Empty(t, udiff.Unified("is", "has to be", is, want), "%s: go test -run ^TestResults$ . -update", repeated.name)
	}
	if *update {
		require.NoError(t, os.WriteFile("results/table.md", []byte(table+"\n"+claims), 0o666))
		return
	}
	require.InDelta(t, 90, r.Machine.Seconds, 60, "the README says that it takes a minute or two")
	b, err := os.ReadFile("results/table.md")
	require.NoError(t, err)
	require.Equal(t, table+"\n"+claims, string(b))
}

func TestMachine(t *testing.T) {
	require.True(t, isRoot("         0          0 4294967295"))
	require.True(t, isRoot("0 0 1"))
	require.False(t, isRoot("         0       1001          1"))
	require.False(t, isRoot("unknown"))
	require.Equal(t, 0.25, load("0.25 1.17 2.27 1/102 8"))
	require.Equal(t, -1.0, load("unknown"))
	require.Equal(t, "unknown", proc("no/such/file"))
	m := thisMachine()
	require.NotEqual(t, "unknown", m.Kernel)
	require.GreaterOrEqual(t, m.Load, 0.0)
	m = Machine{Kernel: "6.18.0", Go: "go1.26.0 amd64", Processors: 2, Seconds: 61.7, Load: 0.1}
	require.Equal(t, "Linux 6.18.0, 2 processors, go1.26.0 amd64, as an ordinary user, in 62 seconds, with a load of 0.10 before", m.String())
}
