package relocate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// ErrInUse: somebody works in the store.
var ErrInUse = errors.New("store is in use")

// The note of a move, in the file move of both stores, has three lines: what it is, whether
// the other store is the one to which it goes or from which it comes, and where that is. Whoever
// works on the move has the one at the old place locked.
const markLine = "cargo-cow move 1"

type direction string

const (
	noMove direction = ""
	moveTo direction = "to"
	moveOf direction = "from"
)

func markText(d direction, other string) string {
	return markLine + "\n" + string(d) + "\n" + other + "\n"
}

// readMark reads the note in a store. What is torn is none: then nothing was made yet.
func readMark(store string) (d direction, other string) {
	text, err := regular.Read(filepath.Join(store, paths.StoreMove))
	if err != nil {
		return noMove, ""
	}
	return parseMark(string(text))
}

func parseMark(text string) (d direction, other string) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != markLine || lines[3] != "" || !paths.IsClean(lines[2]) {
		return noMove, ""
	}
	if d = direction(lines[1]); d != moveTo && d != moveOf {
		return noMove, ""
	}
	return d, lines[2]
}

// A mark is the note at the old place, locked.
type mark struct {
	path   string
	unlock func() error
}

// begin notes in a store where it goes. The error matches ErrInUse while somebody moves it.
func begin(from, to string) (*mark, error) {
	m, err := lockMark(from)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(m.path, os.O_WRONLY|os.O_TRUNC, 0)
	if err == nil {
		_, err = f.WriteString(markText(moveTo, to))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return nil, errors.Join(err, m.remove(), m.unlock())
	}
	return m, nil
}

// lockMark locks the note in a store, which is made if it is not there.
func lockMark(store string) (*mark, error) {
	m := &mark{path: filepath.Join(store, paths.StoreMove)}
	var err error
	m.unlock, err = flock.TryLock(m.path, flock.Exclusive)
	if errors.Is(err, flock.ErrLocked) {
		err = fmt.Errorf("%w: it is being moved", ErrInUse)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (m *mark) release() { _ = m.unlock() }

func (m *mark) remove() error {
	if err := os.Remove(m.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// writeSmall writes a file that has to last.
func writeSmall(path, text string) error { return atomicfile.Write(path, []byte(text), 0o600) }
