package rustc

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/internal/words"
)

// ErrFormat: what should be a record is none, or is torn.
var ErrFormat = errors.New("not a record of a known form")

const recordHeader = "cargo-cow unit 1\n"

// Text is a record as it is kept in a file: a line for each thing, a key and
// strings quoted as in Go, and at the end the digest of all before.
func (rec *Record) Text() string {
	var b strings.Builder
	b.WriteString(recordHeader)
	write := func(key string, list ...string) { b.WriteString(words.Line(key, list...)) }
	write("key", rec.Key)
	write("unit", rec.Unit)
	write("request", rec.Request)
	write("made", rec.Dir, rec.OutDir, rec.OutEnv, string(rec.Portability))
	write("cost", strconv.FormatInt(rec.Cost.Milliseconds(), 10))
	if rec.Incremental {
		write("incremental", "")
	}
	for _, i := range rec.Ingredients {
		write("ingredient", i.Name, i.Value)
	}
	for _, in := range rec.Inputs {
		write("input", in.Name, in.Digest)
	}
	for _, n := range rec.Natives {
		write("native", n.Kind, n.Name, n.What)
	}
	for _, f := range rec.Files {
		write("file", f.words()...)
	}
	for _, l := range rec.Layers {
		write("layer", l.Layer, l.Dir)
	}
	write("code", rec.Reach.Words()...)
	write("shown", rec.MessageFormat)
	for _, m := range rec.Messages {
		write("message", m)
	}
	write("list", rec.DepFile)
	write("sum", digest.OfText(b.String()))
	return b.String()
}

// ParseRecord reads what Text wrote. The error wraps ErrFormat.
func ParseRecord(text string) (*Record, error) {
	i := strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n") + 1
	if !strings.HasPrefix(text, recordHeader) || text[i:] != words.Line("sum", digest.OfText(text[:i])) {
		return nil, ErrFormat
	}
	rec := &Record{Reach: rustsrc.Unread}
	for l := range strings.Lines(text[len(recordHeader):i]) {
		key, rest, _ := strings.Cut(strings.TrimSuffix(l, "\n"), " ")
		list, ok := words.Split(rest)
		if !ok || !rec.take(key, list) {
			return nil, ErrFormat
		}
	}
	if !digest.Is(rec.Key) || !digest.Is(rec.Request) || !IsUnit(rec.Unit) || len(rec.Files) == 0 || rec.Key != rec.key() ||
		rec.Request != digestOf(rec.Ingredients) {
		return nil, ErrFormat
	}
	return rec, nil
}

func (rec *Record) take(key string, words []string) bool {
	count := map[string]int{
		"made": 4, "ingredient": 2, "input": 2, "native": 3, "file": 5, "layer": 2,
		"key": 1, "unit": 1, "request": 1, "cost": 1, "incremental": 1, "shown": 1, "message": 1, "list": 1,
	}
	if key == "code" {
		rec.Reach = rustsrc.ParseReach(words)
		return true
	}
	if len(words) == 0 || len(words) != count[key] {
		return false
	}
	switch w := words[0]; key {
	case "key":
		rec.Key = w
	case "unit":
		rec.Unit = w
	case "request":
		rec.Request = w
	case "made":
		rec.Dir, rec.OutDir, rec.OutEnv, rec.Portability = w, words[1], words[2], Portability(words[3])
		return rec.Portability == Anywhere || rec.Portability == SameDir || rec.Portability == SameOutDir
	case "cost":
		ms, err := strconv.ParseInt(w, 10, 64)
		rec.Cost = time.Duration(ms) * time.Millisecond
		return err == nil && ms >= 0 && ms < 1<<40
	case "incremental":
		rec.Incremental = true
	case "ingredient":
		rec.Ingredients = append(rec.Ingredients, Ingredient{w, words[1]})
	case "input":
		rec.Inputs = append(rec.Inputs, Input{w, words[1]})
		return words[1] == Absent || digest.Is(words[1])
	case "native":
		rec.Natives = append(rec.Natives, ResolvedNative{Native{Kind: w, Name: words[1]}, words[2]})
	case "file":
		f, ok := parseFile(words)
		rec.Files = append(rec.Files, f)
		return ok
	case "layer":
		rec.Layers = append(rec.Layers, InLayer{w, words[1]})
		return isBase(w) && filepath.IsLocal(words[1])
	case "shown":
		rec.MessageFormat = w
	case "message":
		rec.Messages = append(rec.Messages, w)
	case "list":
		rec.DepFile = w
	}
	return true
}
