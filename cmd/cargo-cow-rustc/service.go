package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// A service answers a call from the warehouse, or records what it compiles. Where
// there is no store, or the call is one that cannot be answered, it is nil, and its
// methods do nothing.
type service struct {
	*rustc.Call
	env     []string
	job     *job // nil where no restore was
	house   *warehouse.Warehouse
	request *rustc.Request
	missed  *warehouse.Miss
	// cold: the unit was not compiled here before. What is compiled so is worth a place
	// in the warehouse; the outputs of one edit after the other are not: each would
	// have to be on the disk before it can be shared.
	cold     bool
	began    time.Time
	started  time.Time
	heard    []rustc.Announced
	messages []string
}

func newService(c *rustc.Call, env []string, j *job) *service {
	store := findStore(c.OutDir, env)
	if store == "" {
		return nil
	}
	cwd, err := getcwd()
	if err != nil {
		return nil
	}
	s := &service{Call: c, env: env, job: j, house: warehouse.In(store), began: coarse()}
	inPlace := j != nil && j.place.InPlace(c.Crate)
	s.request, err = rustc.NewRequest(c, rustc.Around{Dir: cwd, Environ: env, InPlace: inPlace, Wrapper: chain.Next(os.Args[0])})
	if err != nil {
		s.house.Note(warehouse.Event{Kind: warehouse.Refused, Unit: c.Title(), Err: err})
		return nil
	}
	return s
}

// coarse is the clock by which the kernel stamps files: what is changed after a
// look at it has no earlier time.
func coarse() time.Time {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &ts); err != nil {
		return time.Time{} // everything is newer
	}
	return time.Unix(ts.Unix())
}

// serve answers the call from the warehouse, and ends the process; or it returns,
// and nothing was said yet.
func (s *service) serve() {
	if s == nil {
		return
	}
	s.cold = s.Incremental == "" || !exists(s.DepFile())
	answer, err := s.house.Find(s.request, s.OutDir)
	if err == nil {
		err = s.place(answer)
		answer.Close()
	}
	errors.As(err, &s.missed)
}

// place puts an answer's outputs where the call wants them, says what the compiler
// would have said, and ends the process.
func (s *service) place(a *warehouse.Answer) error {
	old, _ := os.ReadFile(s.DepFile())
	rec := a.Record
	mark := rec.Mark(s.request)
	text := mark.Text(s.request.DepFile(rec))
	if state, ok := s.state(string(old)); ok {
		text = state.Mark(text)
	}
	// The old list goes first and the new one comes last: as long as there is one,
	// it tells the truth about the outputs.
	if err := os.Remove(s.DepFile()); err != nil && !os.IsNotExist(err) {
		return &warehouse.Miss{Reason: warehouse.NotPossible, Detail: err.Error()}
	}
	cloned, err := a.Place(context.Background())
	if err != nil {
		return err
	}
	if err := depfile.Write(s.DepFile(), text); err != nil {
		return &warehouse.Miss{Reason: warehouse.NotPossible, Detail: err.Error()}
	}
	s.say(rec)
	kind := warehouse.Hit
	if was, err := rustc.ParseMark(string(old)); err == nil && was.Key == rec.Key {
		kind = warehouse.Kept
	}
	s.house.Note(warehouse.Event{Kind: kind, Unit: s.Title(), Saved: rec.Cost, Bytes: rec.Size(), Copied: !cloned})
	os.Exit(0)
	return nil
}

// state is where the unit's incremental state was made, as the list of inputs
// that is about to go tells.
func (s *service) state(text string) (handoff.State, bool) {
	if s.Incremental == "" || text == "" || s.job == nil {
		return handoff.State{}, false
	}
	return s.job.state()
}

// say says what the compiler has said, with the names of this place.
func (s *service) say(rec *rustc.Record) {
	var out bytes.Buffer
	notice := func(name, emit string) {
		out.WriteString(`{"$message_type":"artifact","artifact":"` + jsonText(s.OutDir+"/"+name) + `","emit":"` + emit + "\"}\n")
	}
	notice(s.Name()+".d", "dep-info")
	for _, f := range rec.Files {
		notice(f.Name, f.Emit)
	}
	r := &relay{there: rec.Places(), toHere: func(path string) string { return s.request.Here(rec, path) }}
	for _, m := range rec.Messages {
		out.Write(r.translate([]byte(m + "\n")))
	}
	os.Stderr.Write(out.Bytes())
}

// jsonText escapes a path for a JSON string.
func jsonText(path string) string {
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20:
			b.WriteString(`\u00` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// listen makes a writer that passes on to out, line by line, and takes note.
func (s *service) listen(out io.Writer) io.Writer {
	if s == nil {
		return out
	}
	// A build script may have written its files in this very instant, by the clock
	// that they are stamped with, and could write them once more.
	first := s.began
	for range longestTick / pause {
		if !s.hasOutDir() || coarse().After(first) {
			break
		}
		time.Sleep(pause)
	}
	s.began, s.started = coarse(), time.Now()
	return &listener{s, out}
}

// The clock that files are stamped with goes on every 1 to 10 ms (CONFIG_HZ).
const (
	longestTick = 20 * time.Millisecond
	pause       = time.Millisecond / 2
)

func (s *service) hasOutDir() bool {
	return slices.ContainsFunc(s.env, func(e string) bool { return strings.HasPrefix(e, "OUT_DIR=") })
}

type listener struct {
	*service
	out io.Writer
}

func (l *listener) Write(line []byte) (int, error) {
	if output, isDepInfo := artifact(line); !output {
		l.messages = append(l.messages, strings.TrimSuffix(string(line), "\n"))
	} else if a, ok := announced(line); ok && !isDepInfo {
		l.heard = append(l.heard, a)
		if a.Emit == "metadata" {
			l.early(a)
		}
	}
	return l.out.Write(line)
}

// announced reads a notice of an output.
func announced(line []byte) (a rustc.Announced, ok bool) {
	value := func(key string) string {
		_, rest, _ := bytes.Cut(line, []byte(`"`+key+`":`))
		n := -1
		if bytes.HasPrefix(rest, []byte(`"`)) {
			n = stringEnd(rest)
		}
		if n < 0 {
			return ""
		}
		text, err := strconv.Unquote(string(rest[:n]))
		if err != nil {
			return ""
		}
		return text
	}
	a = rustc.Announced{Path: value("artifact"), Emit: value("emit")}
	return a, a.Path != "" && a.Emit != ""
}

// compile runs the compiler as it is, records what it has done and ends the
// process; or it returns, and nothing was done yet.
func (s *service) compile() {
	if s == nil {
		return
	}
	argv := behind(s.Argv)
	program, err := lookPath(argv[0])
	if err != nil {
		return
	}
	cwd, err := getcwd()
	if err != nil {
		return
	}
	signals := catch()
	r := &relay{out: s.listen(os.Stderr), toHere: func(path string) string { return path }, accepted: true, announced: true}
	p, in, err := start(alias.View{}, alias.Command{Path: program, Args: argv, Env: s.env, Dir: cwd})
	if err != nil {
		signals.release()
		return
	}
	signals.pass(p)
	status := end(p, in, r)
	if status.Exited() && status.ExitStatus() == 0 {
		s.keep()
	}
	die(status)
}

// keep records what a successful run has read and written. What goes wrong is no
// concern of the build's.
func (s *service) keep(seen ...string) {
	if s == nil {
		return
	}
	run := rustc.Run{Began: s.began, Cost: time.Since(s.started), Files: s.heard, Messages: s.messages, Seen: seen}
	rec, err := s.request.Record(run)
	if err == nil {
		err = s.house.Put(context.Background(), rec, s.OutDir, s.cold)
	}
	if err == nil {
		err = s.mark(rec.Mark(s.request))
	}
	event := warehouse.Event{Kind: warehouse.Compiled, Unit: s.Title(), Cost: run.Cost, Err: err}
	if s.missed != nil && event.Err == nil {
		event.Kind, event.Err = warehouse.Missed, s.missed
	}
	s.house.Note(event)
}

// early marks the unit when its metadata is there: what depends on it is compiled
// from then on, and asks for it.
func (s *service) early(metadata rustc.Announced) {
	if m, err := s.request.EarlyMark(metadata); err == nil {
		// Without it they are compiled, as they are without us.
		_ = s.mark(m)
	}
}

// mark adds a mark to the unit's list of inputs.
func (s *service) mark(m *rustc.Mark) error {
	text, err := os.ReadFile(s.DepFile())
	if err != nil {
		return err
	}
	state, ok := handoff.Marked(string(text))
	marked := m.Text(handoff.Unmark(string(text)))
	if ok {
		marked = state.Mark(marked)
	}
	return depfile.Write(s.DepFile(), marked)
}

// findStore is the store that a build directory belongs to, by the rule that holds
// for the commands as well; "" if there is none. Its units may be copied, so one on
// another file system is better than none.
func findStore(outDir string, env []string) string {
	get := func(name string) string {
		for _, e := range env {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
	xdg := func(name, underHome string) string {
		if dir := get(name); strings.HasPrefix(dir, "/") {
			return dir + "/cargo-cow"
		}
		return get("HOME") + underHome + "/cargo-cow"
	}
	if get("CARGO_COW_WAREHOUSE") == "off" {
		return ""
	}
	if named := get("CARGO_COW_STORE"); named != "" {
		return own(named)
	}
	real, err := realPath(outDir)
	if err != nil {
		return ""
	}
	q := locate.Question{
		BuildDir:   real,
		Configured: locate.Configured(xdg("XDG_CONFIG_HOME", "/.config") + "/config.yaml"),
		Data:       xdg("XDG_DATA_HOME", "/.local/share"),
		Cache:      xdg("XDG_CACHE_HOME", "/.cache"),
	}
	for dir := real; dir != "/"; dir = dir[:max(1, strings.LastIndexByte(dir, '/'))] {
		if q.Noted.Dir == "" {
			q.Noted = locate.Noted(dir)
		}
		if repo := locate.Repository(dir); repo != "" {
			q.Remembered = locate.Memory(repo)
			break
		}
	}
	store, kind := q.Find()
	if kind == locate.Absent {
		return ""
	}
	return store
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// own returns a store if it is one and the user's.
func own(store string) string {
	if !locate.IsStore(store) {
		return ""
	}
	return store
}
