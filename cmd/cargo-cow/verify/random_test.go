package verify

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
)

// flips is how many bits TestRandomFlips turns unless CARGO_COW_TEST_FLIPS says another number, at a second each.
const flips = 4

// TestRandomFlips: a bit is turned anywhere in what a unit has written. That unit is never equal then: it is different, or
// equal but for the name of what the bit is in. When it is turned back all is equal again.
func TestRandomFlips(t *testing.T) {
	t.Parallel()
	n, seed := number(t, "CARGO_COW_TEST_FLIPS", flips), number(t, "CARGO_COW_TEST_SEED", int(time.Now().UnixNano()%1e6))
	t.Logf("CARGO_COW_TEST_SEED=%d", seed)
	chance := rand.New(rand.NewPCG(uint64(seed), 0))
	w := newWorld(t, btrfs(t))
	w.a.Cow("init")
	w.a.Build("test", "--workspace", "--no-run")
	units := map[string]string{} // by id
	for _, l := range w.a.Cow("explain", "--all") {
		if l["reason"] == "unit" {
			name := l["unit"].(string)
			units[name[strings.LastIndexByte(name, '-')+1:]] = name
		}
	}
	var files []string
	for _, pattern := range []string{"deps/*", "build/*/build_script_build-*", "build/*/out/*"} {
		found, err := filepath.Glob(w.a.Target("debug", pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return filepath.Ext(f) == ".d" })
	named := 0
	for range n {
		path := files[chance.IntN(len(files))]
		unit := unitOf(t, units, path)
		var at, bit int
		turn := func(b []byte) []byte {
			b[at] ^= 1 << bit
			return b
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		at, bit = chance.IntN(int(info.Size())), chance.IntN(8)
		replace(t, path, turn)
		r := w.a.TryCow("verify", unit)
		replace(t, path, turn)
		switch {
		case r.Code == 1 && strings.Contains(r.Stdout, `"verdict":"different"`):
		case r.Code == 0 && strings.Contains(r.Stdout, `"but":["times in an archive"`), r.Code == 0 && strings.Contains(r.Stdout, `"but":["build id"`),
			r.Code == 0 && strings.Contains(r.Stdout, `"but":["names of objects"`) && inObjectName(t, path, at):
			named++
		default:
			t.Errorf("bit %d of byte %d of %s was turned, and verify %s: %v", bit, at, path, unit, r)
		}
	}
	t.Logf("%d of %d bits were in what has a name", named, n)
	allEqual(t, verify(w.a, 0), tested)
}

// number is what a variable says, or what it is where that says nothing.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// unitOf names the unit that has written a file, by the id in its path.
func unitOf(t *testing.T, units map[string]string, path string) string {
	t.Helper()
	for part := range strings.SplitSeq(path, "/") {
		stem, _, _ := strings.Cut(part, ".")
		if name := units[stem[strings.LastIndexByte(stem, '-')+1:]]; name != "" {
			return name
		}
	}
	t.Fatalf("%s is no unit's", path)
	return ""
}

// inObjectName reports whether a byte stands in the random word of an object's name.
func inObjectName(t *testing.T, path string, at int) bool {
	t.Helper()
	text := fixture.Directory{T: t}
	b := text.Read(path)
	end := min(len(b), at+7+len(".rcgu."))
	i := strings.Index(b[at:end], ".rcgu.")
	return i > 0 && i <= 7
}
