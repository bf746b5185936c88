package main

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// patience is much longer than the tests of module need.
const patience = "1m"

// module is a repository to break.
var module = map[string]string{
	"go.mod": "module example.org/m\n\ngo 1.26\n",
	"m/m.go": `package m

func Double(n int) int { return n + n }

func Triple(n int) int { return n + n + n }

func Done(n int) bool { return n >= 3 }

func Nothing() {}
`,
	"m/m_test.go": `package m

import "testing"

func TestDouble(t *testing.T) {
	t.Run("two", func(t *testing.T) {
		if Double(2) != 4 {
			t.Error("2 doubled is not 4")
		}
	})
}

func TestDone(t *testing.T) {
	for n := 0; !Done(n); n = Double(n) {
		n++
	}
}

func TestTriple(t *testing.T) {
	if Triple(2) != 6 {
		panic("2 tripled is not 6")
	}
}
`,
	".hidden/file": "not copied",
	"m/.gitignore": "nor this",
}

func write(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	return root
}

func breaking(name, old, new, by string) breakage {
	return breakage{name, []edit{{"m/m.go", old, new}}, []selection{tests("m", by)}}
}

// mutate runs the program on module and returns its exit status and output.
func mutate(t *testing.T, bs []breakage, args ...string) (int, string) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("this test compiles, and there is no go command here")
	}
	var out bytes.Buffer
	status := run(t.Context(), append([]string{"-root", write(t, module), "-timeout", patience}, args...), bs, &out, &out)
	return status, out.String()
}

func TestCaught(t *testing.T) {
	status, out := mutate(t, []breakage{
		breaking("doubling", "return n + n }", "return n }", "^TestDouble$"),
		breaking("tripling", "n + n + n", "n + n", "^TestDouble$|^TestTriple$"),
		{"two edits", []edit{
			{"m/m.go", "n + n + n", "n + n + n + 0"},
			{"m/m.go", "return n + n }", "return n + n + 1 }"},
		}, []selection{tests("m", "^TestTriple$"), tests("m", "TestDouble/two")}},
	})
	require.Zero(t, status, out)
	require.Regexp(t, `doubling +m TestDouble/two\n`, out)
	require.Regexp(t, `tripling +m TestTriple`, out)
	require.Regexp(t, `two edits +m TestDouble/two\n`, out)
}

func TestHangIsCaught(t *testing.T) {
	status, out := mutate(t, []breakage{
		breaking("never done", "n >= 3", "n != n", "^TestDone$"),
	}, "-timeout", "3s", "-v")
	require.Zero(t, status, out)
	require.Regexp(t, `never done +m TestDone \(hung\)`, out)
	require.Contains(t, out, "=== RUN   TestDone")
}

func TestSurvivor(t *testing.T) {
	status, out := mutate(t, []breakage{
		breaking("doubling", "return n + n }", "return n }", "^TestDouble$"),
		breaking("harmless", "func Nothing() {}", "func Nothing() { _ = 1 }", "^Test"),
		breaking("not looked at", "return n + n }", "return n }", "^TestTriple$"),
	})
	require.Equal(t, 1, status, out)
	require.Regexp(t, `doubling +m TestDouble/two\n`, out)
	require.Regexp(t, `harmless +SURVIVED`, out)
	require.Regexp(t, `not looked at +SURVIVED`, out)
	require.Contains(t, out, "2 of 3 breakages")
}

func TestRotten(t *testing.T) {
	for name, tc := range map[string]struct {
		b    breakage
		says string
	}{
		"gone":            {breaking("x", "return 7", "return 8", "^TestDouble$"), "0 times"},
		"twice":           {breaking("x", "n + n", "n", "^TestDouble$"), "2 times"},
		"no change":       {breaking("x", "n >= 3", "n >= 3", "^TestDouble$"), "changes nothing"},
		"no edit":         {breakage{"x", nil, []selection{tests("m", "^TestDouble$")}}, "changes nothing"},
		"no test":         {breakage{"x", []edit{{"m/m.go", "n >= 3", "n > 3"}}, nil}, "names no tests"},
		"no file":         {breakage{"x", []edit{{"m/x.go", "n", "m"}}, []selection{tests("m", "^TestDouble$")}}, "x.go"},
		"selects nothing": {breaking("x", "n >= 3", "n > 3", "^TestNothing$"), "selects no tests"},
		"no package":      {breakage{"x", []edit{{"m/m.go", "n >= 3", "n > 3"}}, []selection{tests("k", "^Test")}}, "does not compile"},
		"does not build":  {breaking("x", "n >= 3", "n >= k", "^TestDouble$"), "is rotten: m does not compile"},
		"edits collide": {breakage{"x", []edit{
			{"m/m.go", "n + n + n", "n"}, {"m/m.go", "n + n + n", "0"},
		}, []selection{tests("m", "^TestDouble$")}}, "is rotten"},
	} {
		t.Run(name, func(t *testing.T) {
			status, out := mutate(t, []breakage{tc.b})
			require.Equal(t, 1, status, out)
			require.Contains(t, out, tc.says)
		})
	}
}

// TestBaseline: tests that fail anyway prove nothing.
func TestBaseline(t *testing.T) {
	good := module["m/m.go"]
	defer func() { module["m/m.go"] = good }()
	module["m/m.go"] = good + "\nfunc init() { panic(1) }\n"
	status, out := mutate(t, []breakage{breaking("doubling", "return n + n }", "return n }", "^TestDouble$")})
	require.Equal(t, 1, status)
	require.Contains(t, out, "before anything is broken")
}

// TestCopy: only the copy is broken, and it is mended for the next breakage.
func TestCopy(t *testing.T) {
	root := write(t, module)
	to := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, copyTree(to, root))
	require.NoFileExists(t, filepath.Join(to, ".hidden", "file"))
	require.NoFileExists(t, filepath.Join(to, "m", ".gitignore"))

	b := breaking("x", "n >= 3", "n > 3", "")
	mend, err := b.apply(to)
	require.NoError(t, err)
	requireFile(t, root, "n >= 3")
	requireFile(t, to, "n > 3")
	require.NoError(t, mend())
	requireFile(t, to, "n >= 3")
}

func requireFile(t *testing.T, root, has string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "m", "m.go"))
	require.NoError(t, err)
	require.Contains(t, string(text), has)
}

func TestArguments(t *testing.T) {
	all := []breakage{breaking("one", "a", "b", "^TestA$"), breaking("two", "a", "b", "^TestA$")}
	for _, tc := range []struct {
		args []string
		want int
		says string
	}{
		{[]string{"-list"}, 0, "one\n\tin m/m.go\n\tcaught by m -run ^TestA$\ntwo\n"},
		{[]string{"-list", "-run", "w"}, 0, "two\n"},
		{[]string{"-run", "three"}, 2, "no breakage's name"},
		{[]string{"-run", "("}, 2, "-help"},
		{[]string{"-parallel", "0"}, 2, "-help"},
		{[]string{"one"}, 2, "-help"},
		{[]string{"-nonsense"}, 2, "nonsense"},
		{[]string{"-help"}, 0, "-parallel"},
	} {
		var out bytes.Buffer
		require.Equal(t, tc.want, run(t.Context(), tc.args, all, &out, &out), "%q: %s", tc.args, out.String())
		require.Contains(t, out.String(), tc.says)
	}
}

func TestSelects(t *testing.T) {
	const output = "=== RUN   TestA\n=== RUN   TestA/x/y\n=== RUN   TestB\n"
	for _, run := range []string{"^TestA$", "TestA|^TestB$", "^TestA$/x", "TestB|TestA/^x$/^y$"} {
		require.NoError(t, tests("m", run).selects(output), run)
	}
	for _, run := range []string{"^TestC$", "TestA|TestC", "^TestA$/z", "^TestB$/x", "TestA/x/y/z", "^(TestA|TestB)$"} {
		require.Error(t, tests("m", run).selects(output), run)
	}
}

// TestNames: the names are what -run and the report tell breakages apart by.
func TestNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, b := range breakages {
		require.NotEmpty(t, b.name)
		require.False(t, seen[b.name], b.name)
		seen[b.name] = true
	}
}

// TestTexts: every text to replace is where it should be.
func TestTexts(t *testing.T) {
	for _, b := range breakages {
		require.NoError(t, b.rot(filepath.Join("..", "..", "..")))
	}
}

// TestPrune: what a test needs is compiled, whatever file it is in, and nothing
// else: here what is left would not compile.
func TestPrune(t *testing.T) {
	files := maps.Clone(module)
	files["m/helper_test.go"] = "package m\n\ntype helper struct{}\n\nconst two = 2\n"
	files["m/method_test.go"] = "package m\n\nfunc (helper) double() int { return Double(two) }\n"
	files["m/uses_test.go"] = "package m\n\nimport \"testing\"\n\nfunc TestUses(t *testing.T) {\n\tif new(helper).double() != 4 {\n\t\tt.Fail()\n\t}\n}\n"
	files["m/other_test.go"] = "package m\n\nfunc TestOther() { no() }\n"
	var out bytes.Buffer
	status := run(t.Context(), []string{"-root", write(t, files), "-timeout", patience}, []breakage{
		breaking("doubling", "return n + n }", "return n }", "^TestUses$"),
	}, &out, &out)
	require.Zero(t, status, out.String())
	require.Regexp(t, `doubling +m TestUses\n`, out.String())
}

// TestPruneKeeps: what only a string names is compiled too, and what is registered
// when the program begins. Else a test would fail for that, and seem to catch what
// breaks nothing.
func TestPruneKeeps(t *testing.T) {
	for name, more := range map[string]map[string]string{
		"tests that another runs": {
			"m/child_test.go":  "package m\n\nimport \"testing\"\n\nfunc TestChild(t *testing.T) { t.Log(Double(1)) }\n",
			"m/parent_test.go": "package m\n\nimport (\n\t\"os\"\n\t\"os/exec\"\n\t\"strings\"\n\t\"testing\"\n)\n\nfunc TestUses(t *testing.T) {\n\tout, _ := exec.Command(os.Args[0], \"-test.run=^TestChild$\", \"-test.v\").CombinedOutput()\n\tif !strings.Contains(string(out), \"--- PASS: TestChild\") {\n\t\tt.Fatalf(\"%s\", out)\n\t}\n}\n",
		},
		"registrations": {
			"m/table_test.go": "package m\n\nvar table = map[string]int{}\n\nfunc register(s string, n int) int { table[s] = n; return n }\n",
			"m/entry_test.go": "package m\n\nvar _ = register(\"two\", 2)\n",
			"m/uses_test.go":  "package m\n\nimport \"testing\"\n\nfunc TestUses(t *testing.T) {\n\tif table[\"two\"] != 2 {\n\t\tt.Fail()\n\t}\n}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(module)
			maps.Copy(files, more)
			var out bytes.Buffer
			run(t.Context(), []string{"-root", write(t, files), "-timeout", patience}, []breakage{
				breaking("doubling", "return n + n }", "return n }", "^TestDouble$"),
				breaking("harmless", "return n + n }", "return 2 * n }", "^TestUses$"),
			}, &out, &out)
			require.Regexp(t, `harmless +SURVIVED`, out.String())
		})
	}
}
