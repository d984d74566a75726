package warehouse

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

const day = 24 * time.Hour

// Garbage goes when it is old enough, and nothing else.
func TestSweep(t *testing.T) {
	b := newBench(t, t.TempDir())
	if s, err := b.w.Sweep(t.Context(), time.Now()); err != nil || s != (Swept{}) {
		t.Errorf("a warehouse that is not there: %+v, %v", s, err)
	}
	gone, stays := map[string]string{}, map[string]string{}

	record, loose := b.put("used", "1")
	age(t, 400*day, record, loose)
	stays["record that was not used for long"], stays["its file"] = record, loose
	record, loose = b.put("unnamed", "1")
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	age(t, 2*time.Hour, loose)
	gone["file that no record names"] = loose
	record, loose = b.put("coming", "1")
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	age(t, 50*time.Minute, loose)
	stays["file whose record is on its way"] = loose
	for _, kind := range []string{"units/used-0123/", "files/ab/"} {
		tmp := b.write("store/warehouse/"+kind+".tmp-1", "x")
		age(t, 2*time.Hour, tmp)
		gone["what a writer has left in "+kind] = tmp
		stays["what is being written in "+kind] = b.write("store/warehouse/"+kind+".tmp-2", "x")
	}
	nowhere := func(crate string, how time.Duration) string {
		record, loose := b.put(crate, "1")
		if err := os.Remove(loose); err != nil {
			t.Fatal(err)
		}
		age(t, how, record)
		return record
	}
	gone["record of nothing"] = nowhere("nothing", 2*day)
	stays["record that waits for its snapshot"] = nowhere("waits", 12*time.Hour)
	_, rec := b.compile("layered", "1")
	if err := b.w.Put(t.Context(), rec, b.dir+"/target", false); err != nil {
		t.Fatal(err)
	}
	b.layer("a", rec)
	age(t, 400*day, b.record(rec))
	stays["record in a layer"] = b.record(rec)
	torn, _ := b.put("torn", "1")
	if err := os.Truncate(torn, 10); err != nil {
		t.Fatal(err)
	}

	age(t, 2*time.Hour, torn)
	gone["torn record"] = torn
	torn, _ = b.put("torn", "2")
	if err := os.Truncate(torn, 10); err != nil {
		t.Fatal(err)
	}
	stays["torn record that may be replaced"] = torn
	// Of one that cannot be read it is not known what it names.
	unread := b.write("store/warehouse/units/unread-1/x/y", "")
	if s, err := b.w.Sweep(t.Context(), time.Now()); err != nil || s.Files > 0 || s.Leftovers != 3 || s.Records != 1 {
		t.Errorf("beside a record that cannot be read: %+v, %v", s, err)
	}
	if err := os.RemoveAll(filepath.Dir(unread)); err != nil {
		t.Fatal(err)
	}
	if s, err := b.w.Sweep(t.Context(), time.Now()); err != nil || s.Files != 1 || s.Frees == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	for what, path := range gone {
		if exists(path) {
			t.Errorf("%s stays", what)
		}
	}
	for what, path := range stays {
		if !exists(path) {
			t.Errorf("%s is gone", what)
		}
	}
	if exists(filepath.Dir(gone["record of nothing"])) {
		t.Error("an empty directory of a unit stays")
	}
	if s, err := b.w.Sweep(t.Context(), time.Now()); err != nil || s != (Swept{}) {
		t.Errorf("again: %+v, %v", s, err)
	}

	// The layer goes, and with it the last place of a record.
	id := strings.Repeat("a", 32)
	inventory, err := b.w.Inventory(t.Context(), []string{id}, false)
	if err != nil {
		t.Fatal(err)
	}
	plan := inventory.Plan(Policy{}, time.Now())
	if len(plan.Victims) != 1 || plan.Victims[0].Path != b.record(rec) || plan.Victims[0].Why != Nowhere {
		t.Errorf("with the layer gone: %+v", plan.Victims)
	}
	if s, err := b.w.CarryOut(t.Context(), plan); err != nil || s.Records > 0 || !exists(b.record(rec)) {
		t.Errorf("the layer stayed, and its record is gone: %+v, %v", s, err)
	}
	if err := os.RemoveAll(b.dir + "/store/layers/" + id); err != nil {
		t.Fatal(err)
	}
	if s, err := b.w.CarryOut(t.Context(), plan); err != nil || s.Records != 1 || exists(b.record(rec)) {
		t.Errorf("the layer is gone, and its record stayed: %+v, %v", s, err)
	}
	if len(b.left()) != 2 {
		t.Errorf("temporary files: %q", b.left())
	}
}

// item is a record for a plan: when it was used, and the files it names.
func item(name string, idle time.Duration, files ...string) Entry {
	e := Entry{Record: &rustc.Record{Key: name}, Path: "/" + name, Used: epoch.Add(-idle), RecordSize: 1}
	for _, f := range files {
		e.Files = append(e.Files, rustc.File{Digest: f})
		e.Located = append(e.Located, LocatedFile{Location: Loose})
	}
	return e
}

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func loose(name string, frees int64, idle time.Duration) LooseFile {
	return LooseFile{Digest: name, Path: "/files/" + name, Changed: epoch.Add(-idle), Frees: frees, Exact: true}
}

func TestPlan(t *testing.T) {
	inventory := Inventory{
		Entries: []Entry{
			item("new", 30*time.Minute, "n"),
			item("week", 7*day, "w", "common"),
			item("month", 30*day, "m", "common", "m"),
			item("year", 365*day, "y"),
			item("shares", 300*day, "s"),
		},
		Loose: []LooseFile{
			loose("n", 1000, time.Hour/2), loose("w", 100, 7*day), loose("m", 200, 30*day), loose("y", 400, 365*day),
			loose("common", 50, 30*day), loose("s", 0, 300*day), loose("unnamed", 7, 2*day), loose("unnamed, new", 9, 0),
		},
		Leftovers: []Leftover{{"/t/old", epoch.Add(-day), 3}, {"/t/new", epoch, 4}},
	}
	const garbage = " | unnamed | /t/old"
	for _, test := range []struct {
		name   string
		policy Policy
		want   string // victims, files, temporary files; bytes freed; how much is lacking
	}{
		{"nothing", Policy{}, garbage + "; 10, 0"},
		{"chosen ones", Policy{Chosen: chosen("year", "shares", "month")}, "year:unused+401 shares:unused+1 month:unused+201 | m s unnamed y | /t/old; 613, 0"},
		// The last that names a file frees it, and what is in use stays.
		{"all chosen", Policy{Chosen: chosen("new", "week", "month", "year", "shares")}, "year:unused+401 shares:unused+1 month:unused+201 week:unused+151 | common m s unnamed w y | /t/old; 764, 0"},
		{"size", Policy{MaxSize: 1400}, "year:space+401 | unnamed y | /t/old; 411, 0"},
		{"size of what is there", Policy{MaxSize: 1759}, garbage + "; 10, 0"},
		{"no size", Policy{MaxSize: 1}, "year:space+401 month:space+201 week:space+151 | common m unnamed w y | /t/old; 763, 1008"},
		{"chosen, and size", Policy{Chosen: chosen("year"), MaxSize: 1200}, "year:unused+401 month:space+201 | m unnamed y | /t/old; 612, 0"},
		{"what is chosen is enough", Policy{Chosen: chosen("year"), MaxSize: 1400}, "year:unused+401 | unnamed y | /t/old; 411, 0"},
	} {
		plan := inventory.Plan(test.policy, epoch)
		if got := told(plan); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
		if len(plan.Victims)+len(plan.Kept) != len(inventory.Entries) || !plan.Exact {
			t.Errorf("%s: %d go, %d stay, exact %v", test.name, len(plan.Victims), len(plan.Kept), plan.Exact)
		}
		mixed := Inventory{slices.Clone(inventory.Entries), slices.Clone(inventory.Loose), slices.Clone(inventory.Leftovers), false}
		rand.Shuffle(len(mixed.Entries), func(i, j int) { mixed.Entries[i], mixed.Entries[j] = mixed.Entries[j], mixed.Entries[i] })
		rand.Shuffle(len(mixed.Loose), func(i, j int) { mixed.Loose[i], mixed.Loose[j] = mixed.Loose[j], mixed.Loose[i] })
		if got := told(mixed.Plan(test.policy, epoch)); got != test.want {
			t.Errorf("%s, in another order:\n%s\nwant\n%s", test.name, got, test.want)
		}
	}

	unread := inventory
	unread.Unreadable = true
	if got := told(unread.Plan(Policy{}, epoch)); got != " |  | /t/old; 3, 0" {
		t.Errorf("with records unread: %s", got)
	}
	if !new(Inventory).Plan(Policy{Chosen: chosen("year"), MaxSize: 1}, epoch).Empty() {
		t.Error("of nothing, something goes")
	}
}

// chosen is records that are chosen for want of use.
func chosen(names ...string) map[string]Reason {
	all := map[string]Reason{}
	for _, n := range names {
		all[item(n, 0).Path] = "unused"
	}
	return all
}

// unused chooses what was not used for so long.
func unused(v *Inventory, d time.Duration) Policy {
	p := Policy{Chosen: map[string]Reason{}}
	for i := range v.Entries {
		if e := &v.Entries[i]; time.Since(e.Used) > d {
			p.Chosen[e.Path] = "unused"
		}
	}
	return p
}

func told(p *Plan) string {
	var victims, files, temps []string
	for _, v := range p.Victims {
		victims = append(victims, fmt.Sprintf("%s:%s+%d", v.Key, v.Why, v.Frees))
	}
	for _, f := range p.Files {
		files = append(files, f.Digest)
	}
	for _, tmp := range p.Leftovers {
		temps = append(temps, tmp.Path)
	}
	return fmt.Sprintf("%s | %s | %s; %d, %d", strings.Join(victims, " "), strings.Join(files, " "), strings.Join(temps, " "), p.Frees, p.Short)
}

// Whatever was used, replaced or claimed since a plan was made stays.
func TestCarryOutSparesWhatIsUsed(t *testing.T) {
	b := newBench(t, t.TempDir())
	uses := map[string]func(record, loose string){
		"found":   func(string, string) { b.answers("found", "1") },
		"written": func(string, string) { b.put("written", "1") },
		"claimed": func(record, _ string) {
			_, rec := b.compile("claimed", "1")
			if err := os.Remove(record); err != nil {
				t.Fatal(err)
			}
			b.keep(rec)
		},
		"layered": func(string, string) { _, rec := b.compile("layered", "1"); b.layer("b", rec) },
	}
	paths := map[string][]string{}
	for name := range uses {
		record, loose := b.put(name, "1")
		paths[name] = []string{record, loose}
		if name == "layered" {
			if err := os.Remove(loose); err != nil {
				t.Fatal(err)
			}
			paths[name] = paths[name][:1]
		}
		age(t, 40*day, paths[name]...)
	}
	_, shared := b.put("other", "1")
	record, _ := b.put("twin", "1", "compiled other 1")
	age(t, 40*day, shared, record)
	inventory, err := b.w.Inventory(t.Context(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	plan := inventory.Plan(unused(inventory, 30*day), time.Now())
	if len(plan.Victims) != len(uses)+1 {
		t.Fatalf("%d are to go: %s", len(plan.Victims), told(plan))
	}
	for name, use := range uses {
		use(paths[name][0], paths[name][len(paths[name])-1])
	}
	s, err := b.w.CarryOut(t.Context(), plan)
	if err != nil || s.Records != 1 || s.Files != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	for name := range uses {
		for _, path := range paths[name] {
			if !exists(path) {
				t.Errorf("%s: %s is gone", name, path)
			}
		}
	}
	if !exists(shared) || exists(record) {
		t.Error("what another record names is gone, or the one that is to go is there")
	}

	// A file that nobody named, until its writer came back.
	_, rec := b.compile("again", "1")
	b.keep(rec)
	file := b.w.loose(rec.Files[0].Digest)
	if err := os.Remove(b.record(rec)); err != nil {
		t.Fatal(err)
	}
	age(t, 2*time.Hour, file)
	if inventory, err = b.w.Inventory(t.Context(), nil, false); err != nil {
		t.Fatal(err)
	}
	if plan = inventory.Plan(Policy{}, time.Now()); len(plan.Files) != 1 {
		t.Fatalf("%d files are to go: %s", len(plan.Files), told(plan))
	}
	b.keep(rec)
	if s, err := b.w.CarryOut(t.Context(), plan); err != nil || s != (Swept{}) || !exists(file) {
		t.Errorf("%+v, %v", s, err)
	}
	if left := b.left(); len(left) > 0 {
		t.Errorf("temporary files: %q", left)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.w.CarryOut(ctx, plan); err == nil {
		t.Error("a sweep that was interrupted goes on")
	}
}

// Writers in other processes, each of which finds again what it has put, whatever
// a sweep makes of it before.
func TestSweepBesideWriters(t *testing.T) {
	if dir := os.Getenv("WAREHOUSE_WRITER"); dir != "" {
		writer(t, dir)
		return
	}
	b := newBench(t, t.TempDir())
	var wg sync.WaitGroup
	stop := make(chan struct{})
	swept := make([]Swept, 2)
	for i := range swept {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s, err := b.w.Sweep(t.Context(), time.Now())
				if err != nil {
					t.Error(err)
					return
				}
				swept[i].Records += s.Records
				swept[i].Files += s.Files
			}
		})
	}
	var writers sync.WaitGroup
	for i := range 2 {
		writers.Go(func() {
			dir := filepath.Join(b.dir, fmt.Sprint("writer", i))
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Error(err)
				return
			}
			if err := os.Symlink(b.dir+"/store", dir+"/store"); err != nil {
				t.Error(err)
				return
			}
			cmd := exec.Command(os.Args[0], "-test.run=^TestSweepBesideWriters$")
			cmd.Env = append(os.Environ(), "WAREHOUSE_WRITER="+dir, fmt.Sprint("WAREHOUSE_CRATE=w", i))
			if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	writers.Wait()
	close(stop)
	wg.Wait()
	t.Logf("swept %+v", swept)
	if swept[0].Files+swept[1].Files == 0 || swept[0].Records+swept[1].Records == 0 {
		t.Error("nothing was garbage meanwhile: this shows nothing")
	}
	if left := b.left(); len(left) > 0 {
		t.Errorf("temporary files: %q", left)
	}
	if v, err := b.w.Verify(t.Context(), Verification{Content: true}); err != nil || len(v.Damaged) > 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

// writer puts what a sweep is about to remove: the record is gone and its file is
// old, or the file is gone and the record is.
func writer(t *testing.T, dir string) {
	b := newBench(t, dir)
	lost := 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		crate := fmt.Sprint(os.Getenv("WAREHOUSE_CRATE"), rand.IntN(3))
		_, rec := b.compile(crate, "1")
		record, loose := b.record(rec), b.w.loose(rec.Files[0].Digest)
		then := time.Now().Add(-3 * day)
		if rand.IntN(2) == 0 {
			os.Remove(record)
			os.Chtimes(loose, then, then)
		} else {
			os.Remove(loose)
			os.Chtimes(record, then, then)
		}
		time.Sleep(time.Duration(rand.IntN(500)) * time.Microsecond)
		b.keep(rec)
		time.Sleep(time.Millisecond)
		// A file that a sweep asks again about is away for a moment.
		found := false
		for range 20 {
			if found = found || exists(record) && exists(loose); found {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if !found {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d records were lost after they were put", lost)
	}
}

// What a build directory shares is not freed, and is as soon as that is gone.
func TestFreedSpaceIsTrue(t *testing.T) {
	mount := loopfs.Btrfs(t)
	b := newBench(t, filepath.Join(mount, "b"))
	text := make([]byte, 1<<20)
	for i := range text {
		text[i] = byte(rand.Uint32())
	}
	record, file := b.put("a", "1", string(text))
	age(t, 40*day, record, file)
	frees := func() (int64, bool) {
		t.Helper()
		unix.Sync()
		inventory, err := b.w.Inventory(t.Context(), nil, true)
		if err != nil {
			t.Fatal(err)
		}
		plan := inventory.Plan(unused(inventory, 30*day), time.Now())
		if len(plan.Victims) != 1 || len(plan.Files) != 1 {
			t.Fatal(told(plan))
		}
		if goal := inventory.Plan(Policy{MaxSize: 1}, time.Now()); plan.Frees < 1<<20 && len(goal.Victims) > 0 {
			t.Errorf("to free space what frees none is to go: %s", told(goal))
		}
		return plan.Frees, plan.Exact
	}
	if n, exact := frees(); n > 64<<10 || !exact {
		t.Errorf("with a build directory that shares it, %d bytes are freed, exact %v", n, exact)
	}
	if err := os.RemoveAll(b.dir + "/target"); err != nil {
		t.Fatal(err)
	}
	n, exact := frees()
	if n < 1<<20 || n > 1<<20+64<<10 || !exact {
		t.Errorf("alone, %d bytes are freed, exact %v", n, exact)
	}
}

// On a disk that is read-only everything can be looked at and nothing is lost.
func TestReadOnly(t *testing.T) {
	mount := loopfs.Btrfs(t)
	b := newBench(t, filepath.Join(mount, "b"))
	record, file := b.put("a", "1")
	age(t, 40*day, record, file)
	torn, _ := b.put("torn", "1")
	if err := os.Truncate(torn, 10); err != nil {
		t.Fatal(err)
	}
	tmp := b.write("store/warehouse/units/a-0123/.tmp-1", "x")
	age(t, 2*day, tmp)
	inventory, err := b.w.Inventory(t.Context(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	plan := inventory.Plan(unused(inventory, day), time.Now())
	remount := func(flags uintptr) {
		t.Helper()
		if err := unix.Mount("", mount, "", unix.MS_REMOUNT|unix.MS_NOATIME|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(unix.MS_RDONLY)
	t.Cleanup(func() { remount(0) })

	if s, err := b.w.CarryOut(t.Context(), plan); err == nil || s.Records+s.Files+s.Leftovers > 0 {
		t.Errorf("swept %+v, %v", s, err)
	}
	v, err := b.w.Verify(t.Context(), Verification{Content: true, Remove: true})
	if err != nil || len(v.Damaged) != 1 || v.Damaged[0].Removed || v.Damaged[0].Err == nil {
		t.Errorf("verified %+v, %v", v, err)
	}
	if again, err := b.w.Inventory(t.Context(), nil, true); err != nil || !reflect.DeepEqual(again, inventory) {
		t.Errorf("took inventory: %+v, %v", again, err)
	}
	if list, err := b.w.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("listed %v, %v", list, err)
	}
	b.w.Note(Event{Kind: Hit})
	if events := b.w.Events(); len(events) > 0 {
		t.Errorf("noted %v", events)
	}
	remount(0)
	if s, err := b.w.CarryOut(t.Context(), plan); err != nil || s.Records != 1 || s.Files != 1 || s.Leftovers != 1 {
		t.Errorf("swept %+v, %v", s, err)
	}
}

// On a full disk nothing half is left, and a sweep makes room.
func TestFull(t *testing.T) {
	for name, mount := range map[string]func(testing.TB, ...loopfs.Option) string{"btrfs": loopfs.Btrfs, "ext4": loopfs.Ext4} {
		t.Run(name, func(t *testing.T) {
			dir := mount(t, loopfs.Size(128<<20))
			b := newBench(t, filepath.Join(dir, "b"))
			record, file := b.put("a", "1", string(bytes.Repeat([]byte("0123456789abcdef"), 1<<16)))
			if err := os.RemoveAll(b.dir + "/target/liba-4567.rmeta"); err != nil {
				t.Fatal(err)
			}
			age(t, 40*day, record, file)
			_, rec := b.compile("b", "1", string(bytes.Repeat([]byte("fedcba98"), 1<<15)))
			ballast, err := os.Create(filepath.Join(dir, "ballast"))
			if err != nil {
				t.Fatal(err)
			}
			defer ballast.Close()
			for size := 1 << 20; size > 0; size /= 2 {
				chunk := make([]byte, size)
				for i := range chunk {
					chunk[i] = byte(rand.Uint32())
				}
				for {
					if _, err := ballast.Write(chunk); err != nil {
						break
					}
				}
				unix.Sync()
			}
			err = b.w.Put(t.Context(), rec, b.dir+"/target", true)
			t.Logf("put: %v", err)
			if err == nil {
				if v, err := b.w.Verify(t.Context(), Verification{Content: true}); err != nil || len(v.Damaged) > 0 {
					t.Errorf("put, and damaged: %+v, %v", v, err)
				}
			}
			if left := b.left(); len(left) > 0 {
				t.Errorf("temporary files: %q", left)
			}
			inventory, err := b.w.Inventory(t.Context(), nil, true)
			if err != nil {
				t.Fatal(err)
			}
			s, err := b.w.CarryOut(t.Context(), inventory.Plan(unused(inventory, day), time.Now()))
			if err != nil || s.Records != 1 || s.Files != 1 || exists(record) || exists(file) {
				t.Errorf("swept %+v, %v", s, err)
			}
		})
	}
}
