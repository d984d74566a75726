package main

import (
	"bytes"
	"io"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// A relay passes on what rustc says on standard error, line by line and as it
// comes, with three exceptions: nothing is said before accept, which is asked when
// rustc has listed what it read, agrees; after the first error all is held back,
// since the call may yet be run again; and what a first run has said is not said
// twice.
type relay struct {
	out    io.Writer
	toHere func(path string) string
	there  []string // the beginnings of paths that toHere changes
	accept func() bool

	accepted  bool
	refused   bool
	announced bool // cargo has been told of an output that others may be built from
	failing   bool
	held      [][]byte
	said      [][]byte // of what was said before anything was announced
}

// copy relays until the end of in.
func (r *relay) copy(in io.Reader) error {
	var line []byte
	buffer := make([]byte, 1<<16)
	for {
		n, err := in.Read(buffer)
		rest := buffer[:n]
		for {
			i := bytes.IndexByte(rest, '\n')
			if i < 0 {
				break
			}
			r.line(append(line, rest[:i+1]...))
			line, rest = nil, rest[i+1:]
		}
		line = append(line, rest...)
		if err == nil {
			continue
		}
		if len(line) > 0 {
			r.line(line)
		}
		if err == io.EOF {
			err = nil
		}
		return err
	}
}

func (r *relay) line(line []byte) {
	if r.refused {
		return
	}
	output, isDepInfo := artifact(line)
	if output && !r.accepted && !r.ask() {
		return
	}
	if output && !isDepInfo {
		r.flush()
		r.announced = true
	}
	r.failing = r.failing || !output && bytes.Contains(line, []byte(`"level":"error`))
	if !r.accepted || r.failing && !r.announced {
		r.held = append(r.held, line)
		return
	}
	r.say(line)
}

// ask asks, once, and says what was held back if the answer is yes.
func (r *relay) ask() bool {
	if r.accepted = r.accept(); !r.accepted {
		r.refused, r.held = true, nil
		return false
	}
	if !r.failing {
		r.flush()
	}
	return true
}

// flush says what was held back.
func (r *relay) flush() {
	for _, line := range r.held {
		r.say(line)
	}
	r.held = nil
}

func (r *relay) say(line []byte) {
	if !r.announced {
		r.said = append(r.said, line)
	}
	r.out.Write(r.translate(line))
}

// artifact tells a notice of an output, and that of the list of inputs, from other
// lines (rustc 1.95, rustc_errors/json.rs: ArtifactNotification; older compilers
// have no $message_type).
func artifact(line []byte) (output, isDepInfo bool) {
	if !bytes.HasPrefix(line, []byte(`{"$message_type":"artifact",`)) && !bytes.HasPrefix(line, []byte(`{"artifact":`)) {
		return false, false
	}
	return true, bytes.Contains(line, []byte(`"emit":"dep-info"`))
}

// again makes a filter of what a first run has said for the output of a second.
func (r *relay) again() *relay {
	said := map[string]int{}
	for _, line := range r.said {
		said[string(r.translate(line))]++
	}
	return &relay{
		out:      dropping{r.out, said},
		toHere:   func(path string) string { return path },
		accepted: true, announced: true,
	}
}

type dropping struct {
	out  io.Writer
	said map[string]int
}

func (d dropping) Write(line []byte) (int, error) {
	if d.said[string(line)] > 0 {
		d.said[string(line)]--
		return len(line), nil
	}
	return d.out.Write(line)
}

// translate has a line name the checkout. In a JSON message that goes for names of
// files and for what is shown to people; the text of sources, and what tools would
// write into them, stays as it is.
func (r *relay) translate(line []byte) []byte {
	any := false
	for _, dir := range r.there {
		any = any || bytes.Contains(line, []byte(dir))
	}
	if !any {
		return line
	}
	if !bytes.HasPrefix(line, []byte("{")) {
		return []byte(r.rename(string(line)))
	}
	var done bytes.Buffer
	key := ""
	rest := line
	for {
		i := bytes.IndexByte(rest, '"')
		if i < 0 {
			break
		}
		n := stringEnd(rest[i:])
		if n < 0 {
			break
		}
		text := string(rest[i : i+n])
		done.Write(rest[:i])
		rest = rest[i+n:]
		if len(rest) > 0 && rest[0] == ':' {
			key = text
		} else if renamedKeys[key] {
			text, key = r.rename(text), ""
		} else {
			key = ""
		}
		done.WriteString(text)
	}
	done.Write(rest)
	return done.Bytes()
}

// renamedKeys are the keys whose values name files or are read by people.
var renamedKeys = map[string]bool{`"artifact"`: true, `"file_name"`: true, `"message"`: true, `"rendered"`: true}

// stringEnd returns the length of the JSON string that s begins with.
func stringEnd(s []byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// rename replaces all paths in a text.
func (r *relay) rename(text string) string {
	var done []byte
	for len(text) > 0 {
		n := 0
		for _, dir := range r.there {
			if startsPath(text, dir) {
				n = pathEnd(text, len(dir))
				break
			}
		}
		if n == 0 {
			done = append(done, text[0])
			text = text[1:]
			continue
		}
		done = append(done, r.toHere(text[:n])...)
		text = text[n:]
	}
	return string(done)
}

// pathEnd is where a path ends that goes to n at least, as far as a text tells.
func pathEnd(text string, n int) int {
	for n < len(text) && (text[n] == '/' || !paths.SeemsToEnd(text, n)) {
		n++
	}
	return n
}
