package locate

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// User has this program's directories among those of a user: for configuration, data
// and caches, as the XDG Base Directory Specification has them. Those that the
// environment does not tell of are "".
type User struct{ Config, Data, Cache string }

// UserOf reads them out of an environment.
func UserOf(getenv func(name string) string) User {
	base := func(name, underHome string) string {
		// The specification has relative values ignored.
		for _, dir := range []string{getenv(name), getenv("HOME") + underHome} {
			if strings.HasPrefix(dir, "/") && dir != underHome {
				return filepath.Join(dir, paths.User)
			}
		}
		return ""
	}
	return User{
		Config: base("XDG_CONFIG_HOME", "/.config"),
		Data:   base("XDG_DATA_HOME", "/.local/share"),
		Cache:  base("XDG_CACHE_HOME", "/.cache"),
	}
}

// ConfigFile is the user's configuration.
func (u User) ConfigFile() string {
	if u.Config == "" {
		return ""
	}
	return u.Config + "/" + paths.UserConfig
}

// Automatic is the file that is there while its user has this program act by itself, in repositories that nobody has
// prepared as well. What is in it does not count.
func (u User) Automatic() string {
	if u.Data == "" {
		return ""
	}
	return u.Data + "/" + paths.UserAutomatic
}

// IsAutomatic reports whether the user has this program act by itself.
func (u User) IsAutomatic() bool {
	file := u.Automatic()
	if file == "" {
		return false
	}
	_, err := os.Lstat(file)
	return err == nil
}

// Answers is where what cargo and rustc said is kept, beside the directory of caches:
// that may be a store.
func (u User) Answers() string {
	if u.Cache == "" {
		return ""
	}
	return strings.TrimSuffix(u.Cache, paths.User) + paths.UserAnswers
}

// Getenv looks variables up in an environment. Of several with one name the first counts.
func Getenv(env []string) func(name string) string {
	return func(name string) string {
		for _, e := range env {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// InEnvironment is the store that an environment names, where it is now, "" if it names none;
// ok: it is one.
func InEnvironment(getenv func(name string) string) (store string, ok bool) {
	store = getenv("CARGO_COW_STORE")
	if IsStore(store) {
		return store, true
	}
	if to := Moved(UserOf(getenv).Data, store); to != "" {
		return to, true
	}
	return store, false
}

// Within asks for the store of the build directory that dir lies in, where nothing else is
// known: the note of the build directory and the memory of the repository are looked for on
// the way up from dir. It is what the wrapper asks, which Cargo runs. Commands know the
// build directory and the repository already, and read the whole configuration.
func Within(dir string, u User) *Question {
	q := &Question{BuildDir: dir, Configured: configured(u.ConfigFile()), Data: u.Data, Cache: u.Cache}
	for ; dir != "/"; dir = dir[:max(1, strings.LastIndexByte(dir, '/'))] {
		if q.Noted.Dir == "" {
			q.Noted = Noted(dir)
		}
		if repo := Repository(dir); repo != "" {
			q.Remembered = Memory(repo)
			break
		}
	}
	return q
}

// Wrappers is where links to the wrapper are made.
func (u User) Wrappers() string {
	if u.Data == "" {
		return ""
	}
	return u.Data + "/" + paths.UserWrappers
}

// Known lists the stores that a user's files tell of: the one chosen for the wrapper, those that
// were made or moved, and the one among the caches; by their paths, which need not be stores'.
func (u User) Known() (list []string) {
	add := func(path string) {
		if path != "" && !slices.Contains(list, path) {
			list = append(list, path)
		}
	}
	if u.Data != "" {
		add(chosen(u.Data))
		for _, path := range made(u.Data) {
			add(path)
		}
		text, _ := regular.Read(movedFile(u.Data))
		for _, p := range movedPairs(string(text)) {
			add(p[1])
		}
	}
	add(u.Cache)
	return list
}
