package locate

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Remembered is a store that a repository remembers.
type Remembered struct {
	Dir string `json:"dir"`
	// Named: the user said that it is to be this one. It goes before those that were
	// only found fit, and may hold copies where sharing would be possible.
	Named bool `json:"named,omitempty"`
}

// Legacy is what version 1 of the memory, which knew one store, says of it. Whether
// the user had named it shows in its own name.
func Legacy(store string) Remembered {
	base := filepath.Base(store)
	return Remembered{store, base != paths.User && !strings.HasPrefix(base, paths.UserStorePrefix)}
}

// GitDir returns the git directory of the working tree with a top, its own and not that
// which it shares with others; "" where there is none at that top.
func GitDir(top string) string {
	git := top + "/.git"
	var st unix.Stat_t
	if unix.Stat(git, &st) != nil {
		return ""
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return git
	}
	text, err := regular.Read(git)
	if err != nil {
		return ""
	}
	// .git is a file: it names the directory.
	dir, ok := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), "gitdir: ")
	if !ok {
		return ""
	}
	if !filepath.IsAbs(dir) {
		dir = top + "/" + dir
	}
	return filepath.Clean(dir)
}

// Repository returns the directory that all worktrees of a repository share, given
// the top of a working tree; "" where there is no repository at that top.
func Repository(top string) string {
	dir := GitDir(top)
	if dir == "" || dir == top+"/.git" {
		return dir
	}
	// One of a worktree names the repository's, unless it is that itself, as of a submodule.
	common, err := regular.Read(dir + "/commondir")
	if err != nil {
		return dir
	}
	to := strings.TrimRight(string(common), "\r\n")
	if !filepath.IsAbs(to) {
		to = dir + "/" + to
	}
	return filepath.Clean(to)
}

// Memory returns the stores that a repository remembers, given what Repository
// returned. What is not legible is nothing.
func Memory(repository string) []Remembered {
	text, err := regular.Read(repository + "/" + paths.RepositoryMemory)
	if err != nil {
		return nil
	}
	return parseMemory(string(text))
}

// parseMemory reads as much of JSON as is written there. JSON writes what is not
// plain in another way than Go: such a path is passed over.
func parseMemory(text string) []Remembered {
	var list, legacy []Remembered
	var entry Remembered
	depth, key, inStores := 0, "", false
	for text != "" {
		token, rest := nextToken(text)
		if token == "" {
			break
		}
		text = rest
		switch token {
		case "{", "[":
			depth++
			inStores = inStores || depth == 2 && token == "[" && key == "stores"
			entry = Remembered{}
			continue
		case "}", "]":
			depth--
			if inStores && depth == 2 && paths.IsClean(entry.Dir) {
				list = append(list, entry)
			}
			inStores = inStores && depth >= 2
			continue
		case ":", ",":
			continue
		}
		if after, _ := nextToken(text); after == ":" {
			key, _ = strconv.Unquote(token)
			continue
		}
		value, _ := strconv.Unquote(token)
		switch {
		case depth == 1 && key == "store" && paths.IsClean(value):
			legacy = []Remembered{Legacy(value)}
		case inStores && key == "dir":
			entry.Dir = value
		case inStores && key == "named":
			entry.Named = token == "true"
		}
	}
	if len(list) == 0 {
		return legacy
	}
	return list
}

// nextToken returns a bracket, a comma, a colon, a string with its quotes or a word,
// and what follows; "" where there is none.
func nextToken(text string) (token, rest string) {
	text = strings.TrimLeft(text, " \t\r\n")
	switch {
	case text == "":
		return "", ""
	case strings.IndexByte("{}[]:,", text[0]) >= 0:
		return text[:1], text[1:]
	case text[0] == '"':
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return "", ""
		}
		return quoted, text[len(quoted):]
	}
	n := strings.IndexAny(text, "{}[]:,\" \t\r\n")
	if n < 0 {
		n = len(text)
	}
	return text[:n], text[n:]
}

// Noted returns the store that a build directory was said to belong to; nothing if
// nothing was said.
func Noted(buildDir string) Remembered {
	text, err := regular.Read(buildDir + "/" + paths.TreeStore)
	path, rest, ok := strings.Cut(string(text), "\n")
	if err != nil || !ok || !paths.IsClean(path) || rest != "" && rest != namedLine {
		return Remembered{}
	}
	return Remembered{path, rest != ""}
}

// namedLine follows the path of a store that the user named.
const namedLine = "named\n"

// Note says which store a build directory belongs to, or, without one, that nothing
// is to be said.
func Note(buildDir string, store Remembered) error {
	file := buildDir + "/" + paths.TreeStore
	if store.Dir == "" {
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	if err := atomicfile.MakeDir(filepath.Dir(file)); err != nil {
		return err
	}
	text := store.Dir + "\n"
	if store.Named {
		text += namedLine
	}
	return atomicfile.Replace(file, []byte(text))
}

// ChosenFile is the file that names the store of a user who chose one for the
// wrapper, in the directory of this program's data.
func ChosenFile(dataDir string) string { return dataDir + "/" + paths.UserStore }

// chosen returns what it holds.
func chosen(dataDir string) string {
	if dataDir == "" {
		return ""
	}
	return readPath(ChosenFile(dataDir))
}

// madeFile, in the directory of this program's data, lists the stores that were made
// beside build directories, a path on each line, the latest last.
func madeFile(dataDir string) string { return dataDir + "/" + paths.UserStores }

// made returns what it lists.
func made(dataDir string) []string {
	if dataDir == "" {
		return nil
	}
	text, err := regular.Read(madeFile(dataDir))
	if err != nil {
		return nil
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutSuffix(line, "\n"); ok && paths.IsClean(path) {
			list = append(list, path)
		}
	}
	return list
}

// keptStores bounds how many stores a user's list has. Those of file systems that come
// and go stay in it, and a look at one that is not there costs next to nothing.
const keptStores = 64

// AddMade adds a store that was made to the list, for projects that have nothing to do
// with this one and lie on another mount of the same file system. Without it they get
// another.
func AddMade(dataDir, store string) error {
	list := made(dataDir)
	if dataDir == "" || slices.Contains(list, store) {
		return nil
	}
	if err := os.MkdirAll(dataDir, 0o777); err != nil {
		return err
	}
	list = append(list, store)
	text := strings.Join(list[max(0, len(list)-keptStores):], "\n") + "\n"
	return atomicfile.Write(madeFile(dataDir), []byte(text), 0o644)
}

// readPath returns the path that a file holds, "" if there is none.
func readPath(file string) string {
	text, err := regular.Read(file)
	path, ok := strings.CutSuffix(string(text), "\n")
	if err != nil || !ok || !paths.IsClean(path) {
		return ""
	}
	return path
}

// configured returns the store that the user's configuration file names, "" if none.
// Only its plain form is known here, a line "store: PATH".
func configured(file string) string {
	text, err := regular.Read(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		value, ok := strings.CutPrefix(line, "store:")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		if quoted, err := strconv.QuotedPrefix(value); err == nil {
			value, _ = strconv.Unquote(quoted)
		} else if inner, ok := strings.CutPrefix(value, "'"); ok {
			value, _, _ = strings.Cut(inner, "'")
		} else if i := strings.Index(value, " #"); i >= 0 {
			value = strings.TrimSpace(value[:i])
		}
		if filepath.IsAbs(value) {
			return value
		}
		return ""
	}
	return ""
}
