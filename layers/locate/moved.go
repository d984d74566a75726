package locate

import (
	"os"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// A store that was moved is still called by its old path in any number of places: in the
// memory of repositories, on disks that are not there now as well, in build directories, in the
// user's configuration. So where it went is noted once, for its user, and whoever is led to a
// place where no store is any more goes on from there.

// movedFile, in the directory of this program's data, has two lines for each store that was
// moved: where it was, and where it went.
func movedFile(dataDir string) string { return dataDir + "/" + paths.UserMoved }

// Moved is where the store went that was at a path, "" where it was not moved, or where there
// is none now. A store that is at the path is not asked about.
func Moved(dataDir, store string) string {
	if dataDir == "" || store == "" {
		return ""
	}
	text, err := regular.Read(movedFile(dataDir))
	if err != nil {
		return ""
	}
	pairs := movedPairs(string(text))
	// One that was moved again, and again; back to where it was, too.
	for range pairs {
		i := slices.IndexFunc(pairs, func(p [2]string) bool { return p[0] == store })
		if i < 0 {
			return ""
		}
		if store = pairs[i][1]; IsStore(store) {
			return store
		}
	}
	return ""
}

// movedPairs reads the file. A line that is no path ends what is legible of it.
func movedPairs(text string) (pairs [][2]string) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for ; len(lines) >= 2 && paths.IsClean(lines[0]) && paths.IsClean(lines[1]); lines = lines[2:] {
		pairs = append(pairs, [2]string{lines[0], lines[1]})
	}
	return pairs
}

// AddMoved notes that the store at one path goes to another one, for good: it is on the disk
// when this returns. Until the store is there, and no store is at the old path, the note says
// nothing to anybody.
func AddMoved(dataDir, from, to string) error {
	if err := os.MkdirAll(dataDir, 0o777); err != nil {
		return err
	}
	text, err := regular.Read(movedFile(dataDir))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	pairs := slices.DeleteFunc(movedPairs(string(text)), func(p [2]string) bool { return p[0] == from })
	pairs = append(pairs, [2]string{from, to})
	var b strings.Builder
	for _, p := range pairs[max(0, len(pairs)-keptStores):] {
		b.WriteString(p[0] + "\n" + p[1] + "\n")
	}
	return atomicfile.Write(movedFile(dataDir), []byte(b.String()), 0o644)
}
