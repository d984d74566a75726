package du

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
	"github.com/cargo-cow/cargo-cow/layers/usage"
	"github.com/cargo-cow/cargo-cow/layers/whereabouts"
)

// Groups are what can be shown of a store: each tree; trees put together by the repository,
// by the directory of the workspace that was built, by the compiler or by the kind of tree;
// or what is in layers, by package or by profile.
var Groups = append(append([]string{eachTree}, groupsOfTrees...), groupsOfUnits...)

var (
	groupsOfTrees = []string{"project", "worktree", "toolchain", "kind"}
	groupsOfUnits = []string{"package", "profile"}
)

// eachTree is to put nothing together.
const eachTree = "layer"

// groups puts trees together.
type groups struct {
	survey  *holdings.Survey
	found   *whereabouts.Checkouts
	layerOf map[string]*layers.LayerUse
	known   usage.Known
}

// nameOf is what a tree belongs to.
func (gs *groups) nameOf(by string, h *holdings.Holding) string {
	layer := gs.layerOf[h.Layer]
	switch {
	case by == "kind":
		return string(h.Kind)
	case by == "toolchain" && layer != nil:
		return layer.Rustc
	case by == "worktree" && layer != nil:
		return layer.Origin
	case by == "project" && layer != nil:
		return gs.found.ProjectOfLayer(&layer.Record)
	case by == "project" && (h.Kind == holdings.BuildDir || h.Kind == holdings.Undo):
		return gs.found.Project(&h.Tree)
	case by == "worktree" && (h.Kind == holdings.BuildDir || h.Kind == holdings.Undo):
		return filepath.Dir(h.Path)
	}
	return string(h.Kind)
}

// group is trees that belong together, in JSON.
type group struct {
	Name    string    `json:"group"`
	Trees   int       `json:"trees"`
	Total   int64     `json:"total"` // each byte once
	Frees   int64     `json:"frees"` // by removing all of them
	Cost    int64     `json:"cost_ms"`
	LastUse time.Time `json:"last_use,omitzero"` // of a toolchain

	members map[int]bool
}

// by puts a store's own trees together, those first that free most.
func (gs *groups) by(what string) []group {
	v, members := gs.survey, map[string]map[int]bool{}
	for i := range v.Own() {
		name := gs.nameOf(what, &v.Holdings[i])
		if members[name] == nil {
			members[name] = map[int]bool{}
		}
		members[name][i] = true
	}
	var list []group
	for name, all := range members {
		list = append(list, group{Name: name, Trees: len(all), Total: v.Takes(all), Frees: v.Frees(all), Cost: v.Costs(all), members: all})
	}
	slices.SortFunc(list, func(a, b group) int {
		return cmp.Or(cmp.Compare(b.Frees, a.Frees), strings.Compare(a.Name, b.Name))
	})
	return list
}

// groupHeads are those of the columns of cells, of groups by something.
func groupHeads(by string) []string {
	return []string{strings.ToUpper(by), "TREES", "TOTAL", "FREES", "COST"}
}

// cells is what is said of a group in a table.
func (g *group) cells() []string {
	return []string{g.Name, strconv.Itoa(g.Trees), phrase.Size(g.Total), phrase.Size(g.Frees), phrase.Cost(g.Cost)}
}

// checkGroups is about --by and names on the command line.
func checkGroups(by string, names []string) error {
	if by != "" && !slices.Contains(Groups, by) {
		return fmt.Errorf("show what takes space by %s: want %s", by, strings.Join(Groups, ", "))
	}
	if by != "" && by != eachTree && len(names) > 0 {
		return fmt.Errorf("show what takes space by %s: that is for all trees, not for %s", by, strings.Join(names, ", "))
	}
	return nil
}

// show shows trees by what they belong to.
func (gs *groups) show(term *ui.Terminal, by string, now time.Time) {
	list := gs.by(by)
	tab := ui.NewTable(append(groupHeads(by), "LAST USE")...)
	tab.OmitEmpty()
	shown := ui.Shown(len(list), term.Verbose())
	for i := range list {
		if by == "toolchain" {
			list[i].LastUse = gs.known.Last(usage.Toolchain, list[i].Name)
		}
		term.JSON("group", &list[i])
		if i < shown {
			tab.Row(append(list[i].cells(), phrase.Ago(list[i].LastUse, now))...)
		}
	}
	tab.More(len(list)-shown, "--verbose")
	term.Table(tab)
	own := gs.survey.Own()
	term.Status("Total", "%s", takes(len(own), gs.survey.Takes(own)))
}
