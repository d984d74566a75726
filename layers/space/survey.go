package space

import (
	"context"
	"errors"
	"io/fs"
	"slices"
)

// A Subject is a tree that is looked at together with others.
type Subject struct {
	Dir string
	// Keeping is where its map is kept, for a sealed tree.
	Keeping Keeping
	Sealed  bool
}

// A Survey is what trees take, each and together. It is not changed once it is made.
type Survey struct {
	Maps   []*Map // nil of a tree that is gone
	Pieces []Piece
}

// Look measures trees. Where all that is known does not explain that data is shared, it may
// not be any more: what is kept of the tree is out of date, or who shared it was removed and
// has not gone yet. Then settle waits for that, and the tree is measured again.
func Look(ctx context.Context, subjects []Subject, settle func(context.Context)) (*Survey, error) {
	var m Measurer
	s := &Survey{Maps: make([]*Map, len(subjects))}
	look := func(i int, again bool) (err error) {
		switch t := subjects[i]; {
		case !t.Sealed:
			s.Maps[i], err = m.Measure(ctx, Tree{Dir: t.Dir})
		case again:
			s.Maps[i], err = m.MeasureAgain(ctx, t.Dir, t.Keeping)
		default:
			s.Maps[i], err = m.MeasureKept(ctx, t.Dir, t.Keeping)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for i := range subjects {
		if err := look(i, false); err != nil {
			return nil, err
		}
	}
	if m.off { // what served for the trees before may not have been theirs
		for i := range subjects {
			if err := look(i, true); err != nil {
				return nil, err
			}
		}
	}
	s.Pieces = Pieces(s.Maps)
	doubtful := map[int]bool{}
	for _, p := range s.Pieces {
		if p.Elsewhere {
			doubtful[p.Holders[0]] = true
		}
	}
	if len(doubtful) == 0 {
		return s, nil
	}
	if settle != nil {
		settle(ctx)
	}
	m = Measurer{off: m.off}
	for i := range doubtful {
		if err := look(i, true); err != nil {
			return nil, err
		}
	}
	s.Pieces = Pieces(s.Maps)
	return s, nil
}

// Frees is how many bytes become free when those trees are removed for which gone is true.
// Data that something else holds which is not known of is not freed, but where more than
// one of them holds it, too: then the file system does not tell.
func (s *Survey) Frees(gone func(tree int) bool) int64 {
	n := int64(0)
	for _, p := range s.Pieces {
		if !p.Elsewhere && all(p.Holders, gone) {
			n += p.Bytes
		}
	}
	return n
}

// FreesWith is Frees of those trees together with certain files of the tree in, which stays
// but for them. Data that others of its files hold, too, counts as theirs.
func (s *Survey) FreesWith(gone func(tree int) bool, in int, files []string) (int64, error) {
	if len(files) == 0 {
		return s.Frees(gone), nil
	}
	found, err := MeasureFiles(files)
	if err != nil {
		return 0, err
	}
	last := len(s.Maps)
	maps := append(slices.Clone(s.Maps), found)
	if in >= 0 && maps[in] != nil {
		maps[in] = maps[in].without(found)
	}
	n := int64(0)
	for _, p := range Pieces(maps) {
		if !p.Elsewhere && all(p.Holders, func(i int) bool { return i == last || gone(i) }) {
			n += p.Bytes
		}
	}
	return n, nil
}

// Together is what all trees take, each byte counted once.
func (s *Survey) Together() int64 {
	n := int64(0)
	for _, p := range s.Pieces {
		n += p.Bytes
	}
	return n
}

// Takes is how many bytes those trees take for which of is true, each byte counted once,
// whoever else holds it.
func (s *Survey) Takes(of func(tree int) bool) int64 {
	n := int64(0)
	for _, p := range s.Pieces {
		if slices.ContainsFunc(p.Holders, of) {
			n += p.Bytes
		}
	}
	return n
}

// A Share is what a tree takes, in bytes.
type Share struct {
	Bytes int64 // whoever else holds it
	Alone int64 // what becomes free when it alone is removed
}

// Shares is what each tree takes.
func (s *Survey) Shares() []Share {
	list := make([]Share, len(s.Maps))
	for _, p := range s.Pieces {
		for _, i := range p.Holders {
			list[i].Bytes += p.Bytes
		}
		if len(p.Holders) == 1 && !p.Elsewhere {
			list[p.Holders[0]].Alone += p.Bytes
		}
	}
	return list
}

func all(list []int, is func(int) bool) bool {
	for _, i := range list {
		if !is(i) {
			return false
		}
	}
	return true
}
