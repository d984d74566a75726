package warehouse

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/reflink"
)

const (
	// margin is the age below which nothing is removed: not a record, since whoever
	// has just used it tends to want it again; not a temporary file, which somebody
	// may be writing; and not a loose file, the record of which may be on its way. It
	// is a multiple of touchAfter, and also covers a clock that was set.
	margin = time.Hour

	// nowhereAfter is how long a record stays whose files lie nowhere. That is where
	// what was compiled incrementally begins: a snapshot tells where its files are,
	// and the one of the evening is of what was compiled in the morning.
	nowhereAfter = 24 * time.Hour
)

// LooseFile is a file in the warehouse itself.
type LooseFile struct {
	Digest, Path string
	Changed      time.Time // when it was put there, or claimed by a record
	// Frees is what its removal frees, in bytes before compression: what it shares
	// with a build directory or a layer is not freed. Where the file system does not
	// tell, that is the space it takes, and Exact is false.
	Frees int64
	Exact bool
}

// Leftover is a file that is being written, or was when its writer died, or a record
// that a power cut has torn.
type Leftover struct {
	Path    string
	Changed time.Time
	Size    int64
}

// Survey is all that lies in a warehouse.
type Survey struct {
	Entries []Entry
	Loose   []LooseFile
	Left    []Leftover
	// Unread: a record could not be read, for no fault of its own, so that of no file
	// it is certain that no record names it.
	Unread bool
}

// Survey looks at everything. The layers without are taken to be gone. measure has
// it ask the file system what each loose file shares.
func (w *Warehouse) Survey(ctx context.Context, without []string, measure bool) (*Survey, error) {
	s := &Survey{}
	err := w.each(ctx, unitsDir, func(path string, d fs.DirEntry) {
		if isTemporary(path) {
			s.left(path)
			return
		}
		switch e, err := w.entry(path, without); {
		case err == nil:
			s.Entries = append(s.Entries, *e)
		case errors.Is(err, rustc.ErrFormat):
			s.left(path)
		case !errors.Is(err, fs.ErrNotExist):
			s.Unread = true
		}
	})
	if err != nil {
		return nil, err
	}
	// Files come after records: one that is put meanwhile may lack its record here,
	// and is young.
	err = w.each(ctx, filesDir, func(path string, d fs.DirEntry) {
		name := filepath.Base(path)
		if isTemporary(path) {
			s.left(path)
			return
		}
		if ctx.Err() != nil || !isDigest(name) || path != w.loose(name) {
			return
		}
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			f := LooseFile{Digest: name, Path: path, Changed: info.ModTime(), Frees: blocks(info)}
			if measure {
				f.measure()
			}
			s.Loose = append(s.Loose, f)
		}
	})
	if err == nil {
		err = ctx.Err()
	}
	return s, err
}

func (s *Survey) left(path string) {
	if info, err := os.Lstat(path); err == nil {
		s.Left = append(s.Left, Leftover{path, info.ModTime(), blocks(info)})
	}
}

// blocks is the space that a file is said to take, shared or not.
func blocks(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}

func (f *LooseFile) measure() {
	file, err := os.Open(f.Path)
	if err != nil {
		return
	}
	defer file.Close()
	if u, err := reflink.FileUsage(file); err == nil {
		f.Frees, f.Exact = u.Exclusive, true
	}
}

// Policy is what the user wants. The zero Policy chooses nothing but garbage.
type Policy struct {
	MaxAge  time.Duration // remove what was not used for longer; 0: not asked for
	MaxSize int64         // of what the loose files take, in bytes; 0: not asked for
	Free    int64         // bytes to be freed at least; 0: not asked for
}

// Reason is why a record goes or stays. The values are part of what the program
// prints as JSON.
type Reason string

const (
	Nowhere   Reason = "nowhere"   // its files are gone
	Unused    Reason = "unused"    // not used for longer than MaxAge
	Space     Reason = "space"     // MaxSize or Free ask for its space
	Recent    Reason = "recent"    // used within the last hour
	Unmatched Reason = "unmatched" // nothing asks for its removal
)

// Choice is a record with the reason for its fate, and what its removal frees after
// that of all before it.
type Choice struct {
	*Entry
	Why   Reason
	Frees int64
}

// Plan says of everything what becomes of it. Victims begin with what was not used
// for longest, so that whoever is interrupted has removed what is missed least.
type Plan struct {
	Victims, Kept []Choice
	Files         []LooseFile // that no record names, or none but victims
	Left          []Leftover
	Frees         int64 // in bytes
	Exact         bool  // as far as compression allows
	Short         int64 // how far the goals of space are missed
}

// Empty reports whether nothing is to go.
func (p *Plan) Empty() bool { return len(p.Victims)+len(p.Files)+len(p.Left) == 0 }

// Plan chooses. It looks at nothing but the survey: the same one gives the same
// plan.
func (s *Survey) Plan(p Policy, now time.Time) *Plan {
	c := chooser{names: map[string]int{}, files: map[string]*LooseFile{}, plan: &Plan{Exact: true}, now: now, unread: s.Unread}
	for i := range s.Loose {
		c.files[s.Loose[i].Digest] = &s.Loose[i]
	}
	entries := make([]*Entry, len(s.Entries))
	for i := range s.Entries {
		entries[i] = &s.Entries[i]
		for _, d := range digests(entries[i]) {
			c.names[d]++
		}
	}
	slices.SortFunc(entries, func(a, b *Entry) int { return cmp.Or(a.Used.Compare(b.Used), strings.Compare(a.Path, b.Path)) })

	for _, l := range s.Left {
		if now.Sub(l.Changed) > margin {
			c.plan.Left = append(c.plan.Left, l)
			c.plan.Frees += l.Size
		}
	}
	for _, f := range c.files {
		c.total += f.Frees
	}
	for _, f := range c.files {
		if c.names[f.Digest] == 0 {
			c.drop(f)
		}
	}
	var rest []*Entry
	for _, e := range entries {
		switch idle := now.Sub(e.Used); {
		case e.Where() == Gone && idle > nowhereAfter:
			c.remove(e, Nowhere)
		case idle > margin && p.MaxAge > 0 && idle > p.MaxAge:
			c.remove(e, Unused)
		default:
			rest = append(rest, e)
		}
	}
	for _, e := range rest {
		switch {
		case now.Sub(e.Used) <= margin:
			c.plan.Kept = append(c.plan.Kept, Choice{e, Recent, 0})
		case c.short(p) > 0 && c.holds(e):
			c.remove(e, Space)
		default:
			c.plan.Kept = append(c.plan.Kept, Choice{e, Unmatched, 0})
		}
	}
	c.plan.Short = max(0, c.short(p))
	slices.SortFunc(c.plan.Files, func(a, b LooseFile) int { return strings.Compare(a.Path, b.Path) })
	slices.SortStableFunc(c.plan.Victims, func(a, b Choice) int { return a.Used.Compare(b.Used) })
	return c.plan
}

type chooser struct {
	names map[string]int // how many records that stay name a loose file
	files map[string]*LooseFile
	total int64 // that loose files which stay take
	plan  *Plan
	now   time.Time

	unread bool
}

// digests are those of a record's files, each once.
func digests(e *Entry) []string {
	var list []string
	for _, f := range e.Files {
		list = append(list, f.Digest)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// short is how many bytes the goals are away.
func (c *chooser) short(p Policy) int64 {
	missing := p.Free - c.plan.Frees
	if p.MaxSize > 0 {
		missing = max(missing, c.total-p.MaxSize)
	}
	return missing
}

// holds reports whether the removal of a record's files can free anything.
func (c *chooser) holds(e *Entry) bool {
	return slices.ContainsFunc(digests(e), func(d string) bool { return c.files[d] != nil && c.files[d].Frees > 0 })
}

func (c *chooser) remove(e *Entry, why Reason) {
	before := c.plan.Frees
	c.plan.Frees += e.Own
	for _, d := range digests(e) {
		if c.names[d]--; c.names[d] == 0 && c.files[d] != nil {
			c.drop(c.files[d])
		}
	}
	c.plan.Victims = append(c.plan.Victims, Choice{e, why, c.plan.Frees - before})
}

// drop gives up a loose file that nothing names any more, if it is old enough.
func (c *chooser) drop(f *LooseFile) {
	if c.unread || c.now.Sub(f.Changed) <= margin {
		return
	}
	c.plan.Files = append(c.plan.Files, *f)
	c.plan.Frees += f.Frees
	c.plan.Exact = c.plan.Exact && f.Exact
	c.total -= f.Frees
}

// Swept is what was removed.
type Swept struct {
	Records, Files, Left int
	Frees                int64
}

// CarryOut removes what a plan says, but for what was used, replaced or claimed
// since. Records go first: no record names what is half gone. What cannot be removed
// is in the error, and the rest is removed all the same.
func (w *Warehouse) CarryOut(ctx context.Context, p *Plan) (Swept, error) {
	var s Swept
	var errs []error
	spared := map[string]bool{} // files that a record names which stayed after all
	for _, v := range p.Victims {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		removed, err := w.takeAway(v.Path, func(away string, info fs.FileInfo) bool {
			if !info.ModTime().Equal(v.Used) {
				return false
			}
			if v.Why != Nowhere {
				return true
			}
			// A layer that was to go may have stayed.
			e, err := w.entry(away, nil)
			return err != nil || e.Where() == Gone
		})
		errs = append(errs, err)
		if removed {
			s.Records++
			s.Frees += v.Own
			// Only an empty one goes.
			_ = os.Remove(filepath.Dir(v.Path))
			continue
		}
		for _, f := range v.Files {
			spared[f.Digest] = true
		}
	}
	for _, f := range p.Files {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if spared[f.Digest] {
			continue
		}
		removed, err := w.takeAway(f.Path, unchanged(f.Changed))
		errs = append(errs, err)
		if removed {
			s.Files++
			s.Frees += f.Frees
		}
	}
	for _, l := range p.Left {
		removed, err := w.takeAway(l.Path, unchanged(l.Changed))
		errs = append(errs, err)
		if removed {
			s.Left++
			s.Frees += l.Size
		}
	}
	return s, errors.Join(errs...)
}

// Sweep removes what serves nobody any more: records whose files lie nowhere, loose
// files that no record names, and what killed writers and power cuts have left; each
// if it is old enough not to be somebody's who is at work.
func (w *Warehouse) Sweep(ctx context.Context, now time.Time) (Swept, error) {
	s, err := w.Survey(ctx, nil, false)
	if err != nil {
		return Swept{}, err
	}
	return w.CarryOut(ctx, s.Plan(Policy{}, now))
}

// temporary is a name of nobody's beside a path.
func temporary(path string) string {
	return atomicfile.TempName(path)
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }
