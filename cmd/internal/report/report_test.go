package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/cargo/builddir"
	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rule"
)

// said returns what tell writes to the two streams.
func said(t *testing.T, o ui.Options, tell func(*ui.Terminal)) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	o.Color = "never"
	term, e := ui.New(&out, &err, nil, o)
	if e != nil {
		t.Fatal(e)
	}
	tell(term)
	return out.String(), err.String()
}

// lines decodes JSON lines.
func lines(t *testing.T, text string) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, fields)
	}
	return all
}

const id = "0123456789abcdef0123456789abcdef"

func restore() *layers.RestoreReport {
	return &layers.RestoreReport{
		Record: layers.Record{ID: id, Origin: "/src/a", Commit: "1a2b3c4d5e", Ref: "refs/heads/main"},
		Kept:   2, Undo: true, Undeletable: []string{"/src/b/.target.cargo-cow-tmp-1"},
		Rebuild: []freshness.Verdict{
			{UnitName: builddir.UnitName{Package: "app", Target: "app", Kind: "lib", Profile: "debug"}, Reason: &rule.Reason{Rule: rule.SourceContent, Detail: "src/lib.rs"}},
			{UnitName: builddir.UnitName{Package: "app", Target: "main", Kind: "bin", Profile: "debug"}, Because: []string{"app", "b", "c"}},
		},
	}
}

func TestRestore(t *testing.T) {
	for _, tt := range []struct {
		options ui.Options
		dryRun  bool
		want    string
	}{
		{ui.Options{}, false, "Restored 2 units from 01234567 (main @ 1a2b3c4, /src/a)|warning: cannot remove /src/b/.target.cargo-cow-tmp-1: it holds files of another user (sudo rm -rf /src/b/.target.cargo-cow-tmp-1)|Rebuild 2 units, see `cargo cow explain`"},
		{ui.Options{}, true, "Would restore 2 units from 01234567 (main @ 1a2b3c4, /src/a)|warning: cannot remove /src/b/.target.cargo-cow-tmp-1: it holds files of another user (sudo rm -rf /src/b/.target.cargo-cow-tmp-1)|Rebuild 2 units, see `cargo cow explain`"},
		// Each unit in place of how many there are.
		{ui.Options{Verbose: true}, false, "Restored 2 units from 01234567 (main @ 1a2b3c4, /src/a)|warning: cannot remove /src/b/.target.cargo-cow-tmp-1: it holds files of another user (sudo rm -rf /src/b/.target.cargo-cow-tmp-1)|Rebuild app (lib, debug): source-content: src/lib.rs|Rebuild app main (bin, debug): dependency: app and 2 more"},
	} {
		stdout, stderr := said(t, tt.options, func(term *ui.Terminal) { Restore(term, restore(), tt.dryRun) })
		var got []string
		for line := range strings.Lines(stderr) {
			got = append(got, strings.TrimSpace(line))
		}
		if text := strings.Join(got, "|"); text != tt.want || stdout != "" {
			t.Errorf("said\n%s, want\n%s\nand on stdout %q", text, tt.want, stdout)
		}
	}
}

// The units come before the restore that leaves them to be rebuilt, and what there was
// no graft for has no fields of one.
func TestRestoreJSON(t *testing.T) {
	stdout, _ := said(t, ui.Options{JSON: true}, func(term *ui.Terminal) { Restore(term, restore(), false) })
	got := lines(t, stdout)
	if len(got) != 3 || got[0]["reason"] != "unit" || got[0]["rule"] != "source-content" || got[1]["verdict"] != "dirty" || got[2]["reason"] != "restore" {
		t.Fatalf("got %v", got)
	}
	last := got[2]
	if last["layer"] != id || last["kept"] != 2.0 || last["rebuild"] != 2.0 || last["undo"] != true {
		t.Errorf("got %v", last)
	}
	for _, absent := range []string{"dry_run", "grafted", "from", "lacking"} {
		if v, ok := last[absent]; ok {
			t.Errorf("%s is %v", absent, v)
		}
	}
}

func TestGraft(t *testing.T) {
	if stdout, stderr := said(t, ui.Options{Verbose: true}, func(term *ui.Terminal) { Graft(term, nil) }); stdout+stderr != "" {
		t.Errorf("of no graft: %q %q", stdout, stderr)
	}
	// One that was asked for and gave nothing says so: 0 is not left out.
	b, err := json.Marshal(NewGraftJSON(&layers.GraftReport{Lacking: 3}))
	if want := `{"grafted":0,"lacking":3}`; err != nil || string(b) != want {
		t.Errorf("got %s, %v, want %s", b, err, want)
	}
	if b, err := json.Marshal(NewGraftJSON(nil)); err != nil || string(b) != "{}" {
		t.Errorf("of no graft: %s, %v", b, err)
	}
}

// Warnings follow the line that they are about, and what is left out is said in one.
func TestSnapshot(t *testing.T) {
	rep := &layers.SnapshotReport{
		Record: layers.Record{ID: id, Label: "green", Units: 3, DirtyUnits: 1}, CreatedNew: true,
		LeftOut:  []string{"a", "b", "c", "d", "e", "f"},
		Uncopied: layers.Uncopied{Paths: []string{"p", "q"}, Why: errors.New("p is a socket")},
	}
	_, stderr := said(t, ui.Options{}, func(term *ui.Terminal) { Snapshot(term, rep) })
	want := []string{
		"Sealed 01234567 (green)  3 units, 1 of them will be rebuilt elsewhere",
		"Left out a, b, c, d and 2 more: not made by any unit or build script",
		"warning: not copied: p is a socket, and 1 more",
	}
	var got []string
	for line := range strings.Lines(stderr) {
		got = append(got, strings.TrimSpace(line))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("said %q, want %q", got, want)
	}
	rep.CreatedNew = false
	if _, stderr := said(t, ui.Options{}, func(term *ui.Terminal) { Snapshot(term, rep) }); !strings.Contains(stderr, "Unchanged since 01234567") || strings.Contains(stderr, "Left out") || !strings.Contains(stderr, "not copied") {
		t.Errorf("of a layer that is there: %s", stderr)
	}
}
