package du

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/exit"
	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
	"github.com/cargo-cow/cargo-cow/layers/usage"
)

// Groups are what trees can be put together by: the directory of the workspace that was
// built, the compiler, or the kind of tree.
var Groups = []string{"worktree", "toolchain", "kind"}

// groupOf is what a tree belongs to.
func groupOf(by string, h *holdings.Holding, layer *layers.LayerUse) string {
	switch {
	case by == "kind":
		return string(h.Kind)
	case by == "toolchain" && layer != nil:
		return layer.Rustc
	case by == "worktree" && layer != nil:
		return layer.Origin
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

// groupsBy puts a store's own trees together, those first that free most.
func groupsBy(v *holdings.Survey, layerOf map[string]*layers.LayerUse, by string) []group {
	members := map[string]map[int]bool{}
	for i := range v.Own() {
		name := groupOf(by, &v.Holdings[i], layerOf[v.Holdings[i].Layer])
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

// showGroups shows trees by what they belong to.
func showGroups(term *ui.Terminal, v *holdings.Survey, layerOf map[string]*layers.LayerUse, known usage.Known, by string, names []string, now time.Time) error {
	if !slices.Contains(Groups, by) {
		return exit.Usage(fmt.Errorf("show what takes space by %s: want %s", by, strings.Join(Groups, ", ")))
	}
	if len(names) > 0 {
		return exit.Usage(fmt.Errorf("show what takes space by %s: that is for all trees, not for %s", by, strings.Join(names, ", ")))
	}
	list := groupsBy(v, layerOf, by)
	tab := ui.NewTable(append(groupHeads(by), "LAST USE")...)
	tab.OmitEmpty()
	shown := ui.Shown(len(list), term.Verbose())
	for i := range list {
		if by == "toolchain" {
			list[i].LastUse = known.Last(usage.Toolchain, list[i].Name)
		}
		term.JSON("group", &list[i])
		if i < shown {
			tab.Row(append(list[i].cells(), phrase.Ago(list[i].LastUse, now))...)
		}
	}
	tab.More(len(list)-shown, "--verbose")
	term.Table(tab)
	own := v.Own()
	term.Status("Total", "%s", takes(len(own), v.Takes(own)))
	return nil
}
