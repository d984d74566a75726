package manual

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// roff is a man page in the making, in the macros of man(7). What it is given are words,
// in which `these` and **these** stand out; nothing in them is taken for a macro.
type roff struct {
	bytes.Buffer
	fresh bool // nothing stands in the section yet, which then needs no macro for a paragraph
}

// title begins the page.
func (r *roff) title(name string, program *cobra.Command, date time.Time, short string) {
	fmt.Fprintf(r, ".TH %s 1 %s \"%s\" \"User Commands\"\n", escaped(strings.ToUpper(name)), date.UTC().Format(time.DateOnly), escaped(program.Name()+" "+program.Version))
	r.section("Name")
	fmt.Fprintf(r, "%s \\- %s\n", escaped(name), inline(short))
}

func (r *roff) section(heading string) {
	fmt.Fprintf(r, ".SH %s\n", inline(strings.ToUpper(heading)))
	r.fresh = true
}

func (r *roff) paragraph() {
	if !r.fresh {
		r.WriteString(".PP\n")
	}
	r.fresh = false
}

// usage is a command and what may follow it.
func (r *roff) usage(command, rest string) {
	fmt.Fprintf(r, "\\fB%s\\fR%s\n", escaped(command), escaped(rest))
}

// text has paragraphs apart by empty lines; lines that are indented stay as they are.
func (r *roff) text(s string) {
	apart := true
	var kept []string
	keep := func() {
		if len(kept) > 0 {
			r.verbatim(strings.Join(kept, "\n"))
			kept, apart = nil, true
		}
	}
	for line := range strings.Lines(strings.Trim(s, "\n")) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "":
			apart = true
			continue
		case line[0] == ' ':
			kept = append(kept, line)
			continue
		}
		keep()
		if apart {
			r.paragraph()
			apart = false
		}
		r.line(inline(line))
	}
	keep()
}

// tagged is an entry of a list.
func (r *roff) tagged(tag, text string) {
	r.fresh = false
	r.WriteString(".TP\n")
	r.line(inline(tag))
	r.line(inline(text))
}

// verbatim keeps lines as they are, less what all are indented by.
func (r *roff) verbatim(s string) {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	indent := len(s)
	for _, line := range lines {
		if line != "" {
			indent = min(indent, len(line)-len(strings.TrimLeft(line, " ")))
		}
	}
	r.paragraph()
	r.WriteString(".RS 4\n.nf\n")
	for _, line := range lines {
		r.line(escaped(line[min(indent, len(line)):]))
	}
	r.WriteString(".fi\n.RE\n")
}

// line writes one that begins with no macro, whatever it begins with.
func (r *roff) line(s string) {
	if s != "" && (s[0] == '.' || s[0] == '\'') {
		s = `\&` + s
	}
	r.WriteString(s + "\n")
}

// markdown is as much of it as this package's notes use: headings, paragraphs, lists of
// one line each, and tables, of which each row becomes an entry.
func (r *roff) markdown(s string) {
	var paragraph []string
	flush := func() {
		r.text(strings.Join(paragraph, "\n"))
		paragraph = nil
	}
	var rows int
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\n")
		heading, isHeading := strings.CutPrefix(line, "## ")
		item, isItem := strings.CutPrefix(line, "- ")
		isRow := strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "|-")
		if isHeading || isItem || isRow {
			flush()
		}
		if !isRow {
			rows = 0
		}
		switch {
		case isHeading:
			r.section(heading)
		case isItem:
			name, text, _ := strings.Cut(item, ": ")
			r.tagged(name, text)
		case isRow:
			const head = 2 // the names of the columns, and the line below them
			if rows++; rows > head {
				cells := strings.Split(strings.Trim(line, "| "), " | ")
				if last := len(cells) - 1; last > 1 {
					cells[0] += " (" + strings.Join(cells[1:last], ", ") + ")"
				}
				r.tagged(cells[0], cells[len(cells)-1])
			}
		default:
			paragraph = append(paragraph, line)
		}
	}
	flush()
}

// What stands out in words: `code`, and **names**.
var standsOut = regexp.MustCompile("`[^`]+`|\\*\\*[^*]+\\*\\*")

func inline(s string) string {
	var b strings.Builder
	for {
		at := standsOut.FindStringIndex(s)
		if at == nil {
			return b.String() + escaped(s)
		}
		fmt.Fprintf(&b, `%s\fB%s\fR`, escaped(s[:at[0]]), escaped(strings.Trim(s[at[0]:at[1]], "`*")))
		s = s[at[1]:]
	}
}

// escaped has every character come out as it is: a hyphen-minus, too, which people copy.
var escaped = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, `"`, `\(dq`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`).Replace
