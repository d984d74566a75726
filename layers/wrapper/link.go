package wrapper

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
)

// Program is the name of our wrapper.
const Program = chain.Program

// MakeLink makes the link l below dir, which is made if need be, to program, and
// returns the path of its symlink. Equal links have one path. A link that is there
// already leads to program afterwards. Links are never changed otherwise; they may be
// made concurrently, by several processes as well.
func MakeLink(l chain.Link, dir, program string) (string, error) {
	if l == (chain.Link{}) {
		return "", errors.New("make link: nothing to note")
	}
	dir = linkDir(l, dir)
	path := filepath.Join(dir, Program)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("make link: %w", err)
	}
	if err := note(l, filepath.Join(dir, chain.NoteName)); err != nil {
		return "", fmt.Errorf("make link %s: %w", path, err)
	}
	if err := point(path, program); err != nil {
		return "", fmt.Errorf("make link %s: %w", path, err)
	}
	return path, nil
}

// linkDir is where below dir a link is made.
func linkDir(l chain.Link, dir string) string {
	h := fnv.New128a() // against chance; the note is compared, too
	h.Write([]byte(l.Text()))
	return filepath.Join(dir, hex.EncodeToString(h.Sum(nil)))
}

func note(l chain.Link, path string) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if string(old) == l.Text() {
		return nil
	}
	if _, ok := chain.Parse(string(old)); ok {
		return fmt.Errorf("%s is of another wrapper", path)
	}
	return atomicfile.Replace(path, []byte(l.Text()))
}

// point makes path a symlink to program; a build that runs meanwhile finds the
// old one or the new one.
func point(path, program string) error {
	if to, err := os.Readlink(path); err == nil && to == program {
		return nil
	}
	temp := atomicfile.TempName(path)
	if err := os.Symlink(program, temp); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}
