package enabling

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// State is whose a file of completions is.
type State string

// The states.
const (
	Absent    State = "absent"
	Installed State = "installed" // by us, and as we left it
	Edited    State = "edited"    // by somebody, after us
	Foreign   State = "foreign"   // never ours
)

// Completion is a file of a shell's completions. Only one that is as we left it is ever
// replaced or removed.
type Completion struct {
	Shell string // "" if disabled
	File  string
	State State
	Err   error // why it could not be installed or removed

	how  How
	text []byte
}

// shells are those with completions, and where they look for them.
var shells = []struct {
	name   string
	config bool // below the directory for configuration, else below that for data
	file   string
}{
	{"bash", false, "bash-completion/completions/cargo-cow"},
	{"fish", true, "fish/completions/cargo-cow.fish"},
	{"zsh", false, "zsh/site-functions/_cargo-cow"},
}

// completionFile is where the completions of a shell are to be; "" if that is not known.
func (u *User) completionFile(shell string) string {
	for _, s := range shells {
		own := u.Dirs.Data
		if s.config {
			own = u.Dirs.Config
		}
		if s.name == shell && own != "" {
			return filepath.Join(filepath.Dir(own), s.file)
		}
	}
	return ""
}

func (u *User) completionFiles() (all files) {
	for _, s := range shells {
		if file := u.completionFile(s.name); file != "" {
			all = all.with(file)
		}
	}
	return all
}

// completion is what becomes of the completions of the user's shell; nil for one that has none.
func (u *User) completion() (*Completion, error) {
	shell := filepath.Base(u.Shell)
	file := u.completionFile(shell)
	if file == "" {
		return nil, nil
	}
	script, err := u.Script(shell)
	if err != nil {
		return nil, fmt.Errorf("make completions for %s: %w", shell, err)
	}
	c := look(file)
	c.Shell, c.text = shell, marked(script)
	now, _ := regular.Read(file)
	switch {
	case c.State == Absent:
		c.how = Create
	case c.State == Installed && !bytes.Equal(now, c.text):
		c.how = Write
	}
	return c, nil
}

func (c *Completion) carryOut() {
	switch c.how {
	case "":
		return
	case Remove:
		if c.Err = give(c.File, nil); c.Err == nil {
			c.State = Absent
		}
	default:
		if c.Err = give(c.File, c.text); c.Err == nil {
			c.State = Installed
		}
	}
}

// look tells whose a file is. A link is never ours, wherever it leads.
func look(file string) *Completion {
	c := &Completion{File: file, State: Foreign}
	fi, err := os.Lstat(file)
	switch {
	case err != nil:
		c.State = Absent // or cannot be reached, which shows when it is to be made
		return c
	case !fi.Mode().IsRegular():
		return c
	}
	if text, err := regular.Read(file); err == nil {
		c.State = whose(text)
	}
	return c
}

// The mark is the first line, or the second where the first is for zsh, and has the digest of
// all other lines.
const (
	markHead = "# by `cargo cow enable`: "
	zshHead  = "#compdef "
)

// marked is a script with our mark.
func marked(script []byte) []byte {
	at := markAt(script)
	mark := []byte(markHead + digest.Of(script) + "\n")
	return bytes.Join([][]byte{script[:at], mark, script[at:]}, nil)
}

// markAt is where the mark is in a script.
func markAt(script []byte) int {
	if !bytes.HasPrefix(script, []byte(zshHead)) {
		return 0
	}
	return bytes.IndexByte(script, '\n') + 1
}

// whose tells whose a script is.
func whose(text []byte) State {
	at := markAt(text)
	line, rest, _ := bytes.Cut(text[at:], []byte("\n"))
	sum, ok := bytes.CutPrefix(line, []byte(markHead))
	switch {
	case !ok:
		return Foreign
	case string(sum) == digest.Of(append(bytes.Clone(text[:at]), rest...)):
		return Installed
	}
	return Edited
}
