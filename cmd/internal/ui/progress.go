package ui

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Nothing is drawn of what is done soon, and what is drawn moves as often as one can read.
const (
	barAfter = 500 * time.Millisecond
	barEvery = 100 * time.Millisecond
	barWidth = 25 // of cargo's bars it is the usual one
)

// A bar is the last line of a terminal while something goes on for long.
type bar struct {
	w       io.Writer
	columns int
	verb    string    // as it is shown, in 12 columns
	begun   time.Time // of what goes on; zero if nothing does
	drawn   time.Time // zero if it is not there
}

// told draws, or not, what is done now.
func (b *bar) told(now time.Time, done, total int64) {
	switch {
	case done >= total:
		b.clear()
		b.begun = time.Time{}
	case b.begun.IsZero():
		b.begun = now
	case now.Sub(b.begun) >= barAfter && now.Sub(b.drawn) >= barEvery:
		b.drawn = now
		fmt.Fprintf(b.w, "\r%s\x1b[K", b.picture(done, total))
	}
}

// picture is one line, for which there is room.
func (b *bar) picture(done, total int64) string {
	text := fmt.Sprintf("%3d%%", done*100/total)
	width := min(barWidth, b.columns-12-len(" [] ")-len(text)-1)
	if width < 3 {
		return text
	}
	n := int(done * int64(width) / total)
	return fmt.Sprintf("%s [%s>%s] %s", b.verb, strings.Repeat("=", n), strings.Repeat(" ", width-n-1), text)
}

// clear takes the bar away, before something else is written.
func (b *bar) clear() {
	if !b.drawn.IsZero() {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn = time.Time{}
	}
}
