package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depfile"
	"github.com/cargo-cow/cargo-cow/layers/cargo/handoff"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// answer answers the call from the warehouse. It reports false where there is no answer;
// then nothing was said yet.
func (c *cachedCall) answer() bool {
	c.cold = c.Incremental == "" || !exists(c.DepFile())
	answer, err := c.warehouse.Find(c.request, c.OutDir)
	if err == nil {
		err = c.materialize(answer)
		answer.Close()
	}
	errors.As(err, &c.missed)
	return err == nil
}

// materialize puts an answer's outputs where the call wants them, and says what the
// compiler would have said.
func (c *cachedCall) materialize(a *warehouse.Answer) error {
	old, _ := regular.Read(c.DepFile())
	rec := a.Record
	text := rec.Trailer(c.request).AppendTo(c.request.DepFile(rec))
	if state, ok := c.state(string(old)); ok {
		text = state.AppendTo(text)
	}
	// The old list goes first and the new one comes last: as long as there is one,
	// it tells the truth about the outputs.
	if err := os.Remove(c.DepFile()); err != nil && !os.IsNotExist(err) {
		return &warehouse.Miss{Reason: warehouse.NotMaterialized, Detail: err.Error()}
	}
	cloned, err := a.Materialize(context.Background())
	if err != nil {
		return err
	}
	if err := depfile.Write(c.DepFile(), text); err != nil {
		return &warehouse.Miss{Reason: warehouse.NotMaterialized, Detail: err.Error()}
	}
	c.replayMessages(rec)
	kind := warehouse.Hit
	if was, err := rustc.ParseTrailer(string(old)); err == nil && was.Key == rec.Key {
		kind = warehouse.Kept
	}
	c.warehouse.Note(warehouse.Event{Kind: kind, Unit: c.Title(), Saved: rec.Cost, Bytes: rec.Size(), Copied: !cloned})
	return nil
}

// state is where the unit's incremental state was made, as the list of inputs
// that is about to go tells.
func (c *cachedCall) state(text string) (handoff.State, bool) {
	if c.Incremental == "" || text == "" || c.viewed == nil {
		return handoff.State{}, false
	}
	return c.viewed.state()
}

// replayMessages says what the compiler has said, with the names of this checkout.
func (c *cachedCall) replayMessages(rec *rustc.Record) {
	var out bytes.Buffer
	notice := func(name, emit string) {
		out.WriteString(`{"$message_type":"artifact","artifact":"` + jsonText(c.OutDir+"/"+name) + `","emit":"` + emit + "\"}\n")
	}
	notice(c.Name()+".d", "dep-info")
	for _, f := range rec.Files {
		notice(f.Name, f.Emit)
	}
	r := &relay{there: rec.Roots(), toHere: func(path string) string { return c.request.Localize(rec, path) }}
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
