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

	"github.com/stretchr/testify/require"
)

// update has TestResults write what it else compares: see doc.go.
var update = flag.Bool("update", false, "write the tables of results/result.json to the README and to results/table.md, and its numbers to the README and to the package's documentation")

//go:embed results/result.json
var committed []byte

// Where the README has what the committed run printed.
const (
	begin = "<!-- begin: written by go generate ./examples/lab/compare -->\n"
	end   = "<!-- end -->\n"
)

// Where else numbers and commands are repeated.
const (
	readme     = "../../../README.md"
	packageDoc = "../../../dsrudp/doc.go"
)

// README and package documentation have the commands as they are run.
func TestDocumentedCommands(t *testing.T) {
	for _, name := range []string{readme, packageDoc} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, r := range repairs() {
			for _, command := range r.Commands {
				require.Regexp(t, `(?m)^(  |//\t)`+regexp.QuoteMeta(command)+"$", string(b), name)
			}
		}
	}
}

// The committed result is that of a whole and good run, in which what is expected
// now was seen, and the README shows it and nothing else, also in its prose.
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
	table := r.MarkdownTable()
	claims := r.MarkdownClaims()
	block := fmt.Sprintf("On %v:\n\n%s\nThe document's pros and cons, held against that:\n\n%s\n", r.Machine, table, claims)
	b, err := os.ReadFile(readme)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(b), begin)
	require.True(t, found)
	is, after, found := strings.Cut(rest, end)
	require.True(t, found)
	said, phrases := after, prose(t, &r.Result)
	for _, p := range phrases {
		said = p.put(t, said)
	}
	doc, err := os.ReadFile(packageDoc)
	require.NoError(t, err)
	docSaid := phrases[1].put(t, string(doc)) // it has that number alone
	if *update {
		require.NoError(t, os.WriteFile(readme, []byte(before+begin+block+end+said), 0o666))
		require.NoError(t, os.WriteFile(packageDoc, []byte(docSaid), 0o666))
		require.NoError(t, os.WriteFile("results/table.md", []byte(table+"\n"+claims), 0o666))
		return
	}
	require.Equal(t, block, is)
	require.Equal(t, docSaid, string(doc), "the package's documentation has another number: go test -run ^TestResults$ . -update")
	require.Equal(t, said, after, "the README has other numbers: go test -run ^TestResults$ . -update")
	require.InDelta(t, 90, r.Machine.Seconds, 60, "the README says that it takes a minute or two")
	b, err = os.ReadFile("results/table.md")
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
