package space

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// A Map says where on the disk the data of one tree lies. It is never changed once it is
// made.
type Map struct {
	windows []window // in the order of their places
	disk    string   // the file system that they are places of
	// Apart is what the tree takes beside: directories, inodes where they take room of
	// their own, and files of which the file system does not tell where they lie.
	Apart int64
	// Small is what files hold that lie among the file system's own data.
	Small int64
	Files int // those of several names once
	// Extents is in how many pieces the files lie on the disk, one by one; what goes on where the piece before
	// ended is of that piece.
	Extents int
	Placed  int // of the Files: those that lie in pieces at all, and not among the file system's own data
}

// Breaks is how often a file goes on elsewhere on the disk: 0 where each lies in one piece.
func (m *Map) Breaks() int { return m.Extents - m.Placed }

// Bytes is what the tree takes, shared or not, before compression.
func (m *Map) Bytes() int64 {
	n := m.Apart
	for _, w := range m.windows {
		for _, s := range w.spans {
			n += int64(s.length)
		}
	}
	return n
}

// A span is a run of bytes on the disk.
type span struct {
	at, length uint64
	shared     bool // something else refers to it, too, says the file system
	twice      bool // the tree itself refers to it more than once
	// packed: it is compressed. Others that refer to it have the same at, and it is
	// really shorter than its length.
	packed bool
}

// piecesOf counts the pieces of one file, whose spans are in the order of the file. Where a
// compressed span ends on the disk is not known, only that it is no longer than its length: one
// that begins within that goes on behind it.
func piecesOf(spans []span) int {
	n := 0
	for i, s := range spans {
		if i > 0 {
			last := spans[i-1]
			end := last.at + last.length
			if s.at == end || last.packed && s.at > last.at && s.at < end {
				continue
			}
		}
		n++
	}
	return n
}

// windowSize is the size of the pieces in which disks are looked at. Trees that come of
// each other have the same data in most pieces, and each of those is looked at but once.
const windowSize = 64 << 20

// A window is what a tree has in one piece of the disk.
type window struct {
	number uint64
	sum    [sha256.Size]byte // of the spans
	spans  []span            // in the order of their places; none overlaps another, but for packed ones
}

// newMap sorts what was found of a tree. It keeps spans.
func newMap(spans []span) *Map {
	m := &Map{}
	var packed []span
	plain := spans[:0]
	for _, s := range spans {
		if s.packed {
			packed = append(packed, s)
		} else {
			plain = append(plain, s)
		}
	}
	plain = flatten(plain)
	for _, s := range append(cut(plain), once(packed)...) {
		n := s.at / windowSize
		if len(m.windows) == 0 || m.windows[len(m.windows)-1].number != n {
			m.windows = append(m.windows, window{number: n})
		}
		w := &m.windows[len(m.windows)-1]
		w.spans = append(w.spans, s)
	}
	m.windows = joined(m.windows)
	for i := range m.windows {
		m.windows[i].sum = sumOf(m.windows[i].spans)
	}
	return m
}

// joined sorts windows, and makes one of those with the same number.
func joined(list []window) []window {
	slices.SortStableFunc(list, func(a, b window) int { return cmp.Compare(a.number, b.number) })
	var all []window
	for _, w := range list {
		if len(all) == 0 || all[len(all)-1].number != w.number {
			all = append(all, w)
			continue
		}
		last := &all[len(all)-1]
		last.spans = append(last.spans, w.spans...)
		slices.SortStableFunc(last.spans, func(a, b span) int { return cmp.Compare(a.at, b.at) })
	}
	return all
}

// flatten makes spans that overlap such as do not, and joins those that touch.
func flatten(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.length, a.length)) })
	var flat []span
	put := func(s span) {
		if s.length == 0 {
			return
		}
		if n := len(flat); n > 0 {
			last := &flat[n-1]
			if last.at+last.length == s.at && last.shared == s.shared && last.twice == s.twice {
				last.length += s.length
				return
			}
		}
		flat = append(flat, s)
	}
	// What has been begun and reaches beyond where we are, the nearest end first.
	var open []span
	at := uint64(0)
	// until puts what lies between where we are and to.
	until := func(to uint64) {
		for at < to && len(open) > 0 {
			end := min(open[0].at+open[0].length, to)
			s := span{at: at, length: end - at, twice: len(open) > 1}
			for _, o := range open {
				s.shared, s.twice = s.shared || o.shared, s.twice || o.twice
			}
			put(s)
			at = end
			open = slices.DeleteFunc(open, func(o span) bool { return o.at+o.length <= at })
		}
		at = to
	}
	for _, s := range spans {
		until(s.at)
		i, _ := slices.BinarySearchFunc(open, s, func(a, b span) int { return cmp.Compare(a.at+a.length, b.at+b.length) })
		open = slices.Insert(open, i, s)
	}
	until(1<<64 - 1)
	return flat
}

// cut has no span reach over the end of a window.
func cut(spans []span) []span {
	var all []span
	for _, s := range spans {
		for {
			left := windowSize - s.at%windowSize
			if s.length <= left {
				break
			}
			first := s
			first.length = left
			all = append(all, first)
			s.at, s.length = s.at+left, s.length-left
		}
		all = append(all, s)
	}
	return all
}

// once has each compressed span but once, as long as the longest that begins there.
func once(packed []span) []span {
	slices.SortFunc(packed, func(a, b span) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.length, a.length)) })
	var all []span
	for _, s := range packed {
		if n := len(all); n > 0 && all[n-1].at == s.at {
			all[n-1].twice, all[n-1].shared = true, all[n-1].shared || s.shared
			continue
		}
		all = append(all, s)
	}
	return all
}

// sumOf tells lists of spans apart.
func sumOf(spans []span) [sha256.Size]byte { return sha256.Sum256(appendSpans(nil, spans)) }

// Bits of the last word of a span in a file.
const (
	bitShared = 1 << iota
	bitTwice
	bitPacked
	spanBits = 3
)

// appendSpans writes spans: how far each is behind the one before, how long it is, and
// what holds of it.
func appendSpans(b []byte, spans []span) []byte {
	at := uint64(0)
	for _, s := range spans {
		b = binary.AppendUvarint(b, s.at-at)
		flags := uint64(0)
		for _, f := range []struct {
			is  bool
			bit uint64
		}{{s.shared, bitShared}, {s.twice, bitTwice}, {s.packed, bitPacked}} {
			if f.is {
				flags |= f.bit
			}
		}
		b = binary.AppendUvarint(b, s.length<<spanBits|flags)
		at = s.at
	}
	return b
}

// without is what the tree takes without another map's data.
func (m *Map) without(o *Map) *Map {
	var spans, cuts []span
	packed := map[uint64]bool{}
	for _, w := range o.windows {
		for _, s := range w.spans {
			if s.packed {
				packed[s.at] = true
			} else {
				cuts = append(cuts, s)
			}
		}
	}
	for _, w := range m.windows {
		for _, s := range w.spans {
			if s.packed {
				if !packed[s.at] {
					spans = append(spans, s)
				}
				continue
			}
			i, _ := slices.BinarySearchFunc(cuts, s.at, func(c span, at uint64) int { return cmp.Compare(c.at+c.length, at+1) })
			for ; i < len(cuts) && cuts[i].at < s.at+s.length; i++ {
				if before := s; cuts[i].at > s.at {
					before.length = cuts[i].at - s.at
					spans = append(spans, before)
				}
				end := min(cuts[i].at+cuts[i].length, s.at+s.length)
				s.length -= end - s.at
				s.at = end
			}
			if s.length > 0 {
				spans = append(spans, s)
			}
		}
	}
	left := newMap(spans)
	left.disk, left.Apart, left.Small, left.Files = m.disk, max(0, m.Apart-o.Apart), max(0, m.Small-o.Small), max(0, m.Files-o.Files)
	return left
}
