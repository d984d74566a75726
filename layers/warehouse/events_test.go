package warehouse

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

func TestEvents(t *testing.T) {
	w := In(t.TempDir())
	if got := w.Events(); len(got) > 0 {
		t.Errorf("a warehouse that is not there has %v", got)
	}
	want := []Event{
		{Kind: Hit, Unit: "a-1", Saved: 3 * time.Second, Bytes: 1 << 33},
		{Kind: Kept, Unit: "a-1", Copied: true},
		{Kind: Missed, Unit: "odd\t\n\"\xff", Cost: time.Millisecond, Reason: Differs, Detail: "file /a b"},
		{Kind: Refused, Unit: "b-1", Reason: "argument", Detail: "-Z x"},
		{Kind: Compiled, Unit: "b-1", Reason: "error", Detail: "disk\nfull"},
	}
	for i, e := range want {
		switch i {
		case 2:
			e.Reason, e.Detail, e.Err = "", "", &Miss{Differs, "file /a b"}
		case 3:
			e.Reason, e.Detail, e.Err = "", "", &rustc.Uncacheable{Reason: "argument", Detail: "-Z x"}
		case 4:
			e.Reason, e.Detail, e.Err = "", "", errors.New("disk\nfull")
		}
		w.Note(e)
	}
	w.Note(Event{Kind: Refused, Unit: "long", Err: errors.New(strings.Repeat("é", 1000))})
	got := w.Events()
	if len(got) != len(want)+1 {
		t.Fatalf("%d events, want %d", len(got), len(want)+1)
	}
	for i := range want {
		if time.Since(got[i].At) > time.Minute {
			t.Errorf("it was at %v", got[i].At)
		}
		got[i].At = time.Time{}
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("came back as\n%+v\nwant\n%+v", got[i], want[i])
		}
	}
	if n := len(got[len(want)].Detail); n == 0 || n > 400 {
		t.Errorf("a long detail has %d bytes", n)
	}
	// Torn lines are passed over.
	path := filepath.Join(w.dir, eventsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append([]byte("torn\n"), text[:len(text)-30]...), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := w.Events(); len(got) != len(want) {
		t.Errorf("of a torn file %d events are read, want %d", len(got), len(want))
	}
}

// The file is bounded, and what is just before it is kept, whoever else writes.
func TestEventsAreBounded(t *testing.T) {
	w := In(t.TempDir())
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.dir, eventsFile)
	line := strings.Join([]string{"1", "hit", `"old"`, "0", "0", "0", "false", `""`, `""`}, "\t") + "\n"
	if err := os.WriteFile(path, bytes.Repeat([]byte(line), mostEvents/len(line)), 0o600); err != nil {
		t.Fatal(err)
	}
	before := mostEvents / len(line)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				w.Note(Event{Kind: Hit, Unit: "new"})
			}
		})
	}
	wg.Wait()
	if got := len(w.Events()); got != before+800 {
		t.Errorf("%d events are remembered, want %d", got, before+800)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > mostEvents/2 {
		t.Errorf("the file is %v, %v", info, err)
	}
}

func TestSum(t *testing.T) {
	s := Sum([]Event{
		{Kind: Hit, Saved: 2 * time.Second, Bytes: 100}, {Kind: Hit, Saved: time.Second, Bytes: 10, Copied: true},
		{Kind: Kept, Saved: time.Second, Bytes: 1},
		{Kind: Missed, Cost: time.Second, Reason: Unknown}, {Kind: Missed, Cost: time.Second, Reason: Differs},
		{Kind: Missed, Reason: Differs}, {Kind: Refused, Reason: "a"}, {Kind: Compiled, Cost: time.Second},
		{Kind: "later", Saved: time.Hour},
	})
	want := Stats{
		Calls:   map[Kind]int{Hit: 2, Kept: 1, Missed: 3, Refused: 1, Compiled: 1},
		Reasons: []ReasonCount{{Missed, Differs, 2}, {Missed, Unknown, 1}, {Refused, "a", 1}},
		Saved:   4 * time.Second, Spent: 3 * time.Second, Shared: 101, Copied: 10, Copies: 1,
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v\nwant\n%+v", s, want)
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add("1\thit\t\"a-1\"\t1\t2\t3\ttrue\t\"r\"\t\"d\"")
	f.Add("9223372036854775807\tmissed\t\"\"\t9223372036854775807\t-1\t3\t\t\"\"\t`x`")
	f.Add("\t\t\t\t\t\t\t\t")
	f.Fuzz(func(t *testing.T, line string) {
		e, ok := parseEvent(line)
		if !ok {
			return
		}
		if e.Cost < 0 || e.Saved < 0 || e.Bytes < 0 || e.At.Before(time.Unix(0, 0)) {
			t.Fatalf("%q is %+v", line, e)
		}
		if e.Err != nil {
			t.Fatalf("%q has an error: %v", line, e.Err)
		}
	})
}
