package wrapperstate

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/cargo/config"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
	"github.com/cargo-cow/cargo-cow/layers/wrapper"
)

var (
	ours    = wrapper.Setting{Setting: config.Setting{Value: "/w/cargo-cow-rustc", In: "/home/config.toml"}, Ours: true, Next: "sccache"}
	another = wrapper.Setting{Setting: config.Setting{Value: "sccache", Variable: "RUSTC_WRAPPER"}}
)

// What programs read: enabled says whether cargo goes by our wrapper, wherever else it
// is named, and with a setting before it there is a remedy.
func TestJSON(t *testing.T) {
	for name, tt := range map[string]struct {
		state  State
		change *wrapper.Change
		want   map[string]any // nil: not there
	}{
		"nothing": {State{}, nil, map[string]any{"enabled": false, "views": true, "settings": []any{}, "remedy": nil, "file": nil}},
		"ours": {
			State{Settings: []wrapper.Setting{ours, another}, NoViews: errors.New("no")}, &wrapper.Change{File: "/f", Changed: true},
			map[string]any{"enabled": true, "program": "/w/cargo-cow-rustc", "chained": "sccache", "views": false, "no_views": "no", "file": "/f", "changed": true, "remedy": nil},
		},
		"hidden": {
			State{Settings: []wrapper.Setting{another, ours}}, nil,
			map[string]any{"enabled": false, "program": nil, "remedy": Remedy(&another)},
		},
		"another": {State{Settings: []wrapper.Setting{another}}, nil, map[string]any{"enabled": false, "remedy": nil}},
	} {
		b, err := json.Marshal(tt.state.JSON(tt.change))
		var got map[string]any
		if err == nil {
			err = json.Unmarshal(b, &got)
		}
		if err != nil {
			t.Fatal(err)
		}
		for field, want := range tt.want {
			if list, ok := want.([]any); ok {
				if there, ok := got[field].([]any); !ok || len(there) != len(list) {
					t.Errorf("%s: %s is %v, want %v", name, field, got[field], want)
				}
			} else if got[field] != want {
				t.Errorf("%s: %s is %v, want %v", name, field, got[field], want)
			}
		}
	}
}

// A remedy is for the one that says it: a variable cannot be removed from a file.
func TestRemedy(t *testing.T) {
	whose := map[string]string{}
	for name, s := range map[string]wrapper.Setting{
		"variable": another, "empty variable": {Setting: config.Setting{Variable: "RUSTC_WRAPPER"}},
		"key": {Setting: config.Setting{Value: "sccache", In: "/f"}}, "empty key": {Setting: config.Setting{In: "/f"}},
	} {
		r := Remedy(&s)
		if other := whose[r]; r == "" || other != "" {
			t.Errorf("%s has the remedy %q, as %q has", name, r, other)
		}
		whose[r] = name
	}
}

// Only the last calls count, and the most frequent reason is the one that is said.
func TestFindAnswers(t *testing.T) {
	dir := t.TempDir()
	setup := &wrapper.Setup{Dir: dir, CargoHome: filepath.Join(dir, "home"), Environ: []string{"PATH=" + os.Getenv("PATH"), "RUSTC=/no/rustc"}}
	event := func(kind warehouse.Kind, why string) warehouse.Event {
		return warehouse.Event{At: time.Unix(1, 0), Kind: kind, Unit: "a", Reason: why}
	}
	var events []warehouse.Event
	for range 5 {
		events = append(events, event(warehouse.Refused, "long ago"))
	}
	for range lastCalls - 3 {
		events = append(events, event(warehouse.Hit, ""))
	}
	events = append(events, event(warehouse.Refused, "once"), event(warehouse.Refused, "twice"), event(warehouse.Refused, "twice"))
	a := FindAnswers(setup, events)
	if a.Last != lastCalls || a.Refused != 3 || a.Why != "twice" {
		t.Errorf("got %+v", a)
	}
	if a.NoCompiler == "" || a.Compiler != "" {
		t.Errorf("a compiler that is not there: got %+v", a)
	}
	if a := FindAnswers(setup, nil); a.Last != 0 || a.Refused != 0 || a.Why != "" {
		t.Errorf("of no calls: %+v", a)
	}
}
