// Package scan looks for the target directories that lie somewhere, whoever built in them: it shows what they
// take and what removing them would free, or has equal files in them share their data. It keeps nothing, and a
// call depends on no other.
package scan

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/cargo/accesstime"
	"github.com/cargo-cow/cargo-cow/layers/cargo/targets"
	"github.com/cargo-cow/cargo-cow/layers/lastuse"
	"github.com/cargo-cow/cargo-cow/layers/space"
)

// target is a line of scan --json.
type target struct {
	Path     string    `json:"path"`
	Project  string    `json:"project"`
	Gone     bool      `json:"gone,omitempty"` // the project is not there any more
	Compiler string    `json:"rustc,omitempty"`
	Tool     string    `json:"tool,omitempty"`
	Used     time.Time `json:"last_use,omitzero"`
	Total    int64     `json:"total"`
	Frees    int64     `json:"frees"`
	Files    int       `json:"files"`
}

// Show shows what lies below dir.
func Show(ctx context.Context, term *ui.Terminal, dir string, now time.Time) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	var list []target
	var subjects []space.Subject
	err = targets.Find(ctx, dir, func(t targets.Target) {
		if asked := accesstime.Last(t.Path, now.Add(lastuse.Interval)); asked.After(t.Used) {
			t.Used = asked
		}
		list = append(list, target{Path: t.Path, Project: t.Project, Gone: t.Gone, Compiler: t.Compiler, Tool: t.Tool, Used: t.Used})
		subjects = append(subjects, space.Subject{Dir: t.Path})
	})
	if err != nil {
		return err
	}
	found, err := space.Look(ctx, subjects, nil)
	if err != nil {
		return err
	}
	for i, share := range found.Shares() {
		if m := found.Maps[i]; m != nil {
			list[i].Total, list[i].Frees, list[i].Files = share.Bytes+m.Small, share.Alone, m.Files
		}
	}
	gone := found.Frees(func(i int) bool { return list[i].Gone })
	total, frees := found.Together(), found.Frees(func(int) bool { return true })
	slices.SortStableFunc(list, func(a, b target) int { return cmp.Compare(b.Frees, a.Frees) })
	tab := ui.NewTable("TOTAL", "FREES", "LAST BUILD", "RUSTC", "", "TARGET DIRECTORY")
	tab.OmitEmpty()
	shown := ui.Shown(len(list), term.Verbose())
	for i := range list {
		t := &list[i]
		term.JSON("target", t)
		if i >= shown {
			continue
		}
		of := t.Tool
		if t.Gone {
			of = "its project is gone"
		}
		tab.Row(phrase.Size(t.Total), phrase.Size(t.Frees), phrase.Ago(t.Used, now), t.Compiler, of, t.Path)
	}
	tab.More(len(list)-shown, "--verbose")
	term.Table(tab)
	term.JSON("scan", struct {
		Targets  int   `json:"targets"`
		Together int64 `json:"together"`
		Frees    int64 `json:"frees"`
		Gone     int64 `json:"frees_gone"` // by removing those whose project is gone
	}{len(list), total, frees, gone})
	if len(list) == 0 {
		term.Status("Found", "no target directory below %s", dir)
		return nil
	}
	them := "target directory takes"
	if len(list) > 1 {
		them = "target directories take"
	}
	term.Status("Found", "%d %s %s together; removing all frees %s, those of projects that are gone %s",
		len(list), them, phrase.Size(total), phrase.Size(frees), phrase.Size(gone))
	return nil
}
