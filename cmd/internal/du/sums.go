package du

import "github.com/cargo-cow/cargo-cow/layers/holdings"

// sums are what the script of the page adds up. Trees are called by their numbers; that of
// the first row of the table is 0.
type sums struct {
	Trees  []sumTree  `json:"trees"`
	Pieces []sumShare `json:"pieces"` // bytes
	Work   []sumShare `json:"work"`   // ms that building took
}

// A sumTree is a tree that can be selected.
type sumTree struct {
	Key   string `json:"key"` // the id of a layer, or else the path
	Label string `json:"label,omitempty"`
	Layer bool   `json:"layer,omitempty"`
}

// A sumShare is what certain trees hold and nobody else, but for what Held says.
type sumShare struct {
	Amount  int64 `json:"amount"`
	Held    bool  `json:"held,omitempty"` // by something that cannot be selected
	Holders []int `json:"holders"`
}

// newSums is what the script adds up. Trees have numbers by their indices in the survey, and
// layers by their ids.
func newSums(v *holdings.Survey, number map[int]int, byLayer map[string]int, trees []sumTree) sums {
	all := sums{Trees: trees}
	for _, s := range v.Pieces() {
		j := sumShare{Amount: s.Bytes, Held: s.Elsewhere}
		for _, i := range s.Holders {
			if n, ok := number[i]; ok {
				j.Holders = append(j.Holders, n)
			} else {
				j.Held = true
			}
		}
		if len(j.Holders) > 0 && j.Amount > 0 {
			all.Pieces = append(all.Pieces, j)
		}
	}
	for _, s := range v.Work() {
		j := sumShare{Amount: s.Amount}
		for _, id := range s.Items {
			if n, ok := byLayer[id]; ok {
				j.Holders = append(j.Holders, n)
			} else {
				j.Held = true
			}
		}
		if len(j.Holders) > 0 {
			all.Work = append(all.Work, j)
		}
	}
	return all
}
