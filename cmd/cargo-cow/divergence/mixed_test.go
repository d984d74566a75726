package divergence

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// TestBuildsAreNotMixed: two layers have a crate under one hash of cargo's, but
// not the same build of it, and each has something that stands on its own build.
// Whichever is restored, what stands on the other's build is compiled: rustc
// would refuse it (E0460), at the next edit if not at once.
func TestBuildsAreNotMixed(t *testing.T) {
	t.Parallel()
	dir := loopfs.Btrfs(t, loopfs.Size(4<<30))
	s := newStory(t, newGrove(t, filepath.Join(dir, "grove")), filepath.Join(dir, "w"), 0)
	a, b, c := s.checkouts[0], s.checkouts[1], s.checkouts[2]
	for _, tt := range []struct {
		checkout    *checkout
		larch, pine string
	}{{a, "1.0.0", "1.0.0"}, {b, "1.1.0", "1.1.0"}, {c, "1.0.0", "1.1.0"}} {
		s.direct[tt.checkout] = []string{"larch", "pine"}
		s.writeApp(tt.checkout)
		tt.checkout.Must("cargo", "update", "--quiet", "--workspace")
		tt.checkout.Must("cargo", "update", "--quiet", "--package=larch", "--precise="+tt.larch)
		tt.checkout.Must("cargo", "update", "--quiet", "--package=pine", "--precise="+tt.pine)
	}
	var oak []string
	for _, p := range []*checkout{a, b} {
		s.build(p)
		p.Cow("snapshot", "--label="+p.Name())
		oak = append(oak, p.hashAndMetadata("oak"))
	}
	if hash, other := oak[0][:16], oak[1][:16]; hash != other || oak[0] == oak[1] {
		t.Fatalf("oak has the hashes %s and %s; the same metadata: %t", hash, other, oak[0] == oak[1])
	}

	for _, tt := range []struct{ layer, compiled string }{{"a", "pine"}, {"b", "larch"}} {
		c.restore("--from=" + tt.layer)
		s.graft(c)
		before := c.state()
		build := s.build(c)
		c.judge(build, c.cleanBuild(members...), before, wild)
		var compiled []string
		for id, ran := range build.needs {
			if ran {
				name, _, _ := strings.Cut(build.records[id].name, "-")
				compiled = append(compiled, name)
			}
		}
		if diff := cmp.Diff([]string{tt.compiled}, compiled); diff != "" {
			t.Errorf("restored from %s: packages compiled (-want +got):\n%s", tt.layer, diff)
		}
		s.edit(c)
		s.build(c)
	}
}

// hashAndMetadata is the unit fingerprint's hash of a package's library and what
// rustc identifies it by.
func (c *checkout) hashAndMetadata(pkg string) string {
	c.T.Helper()
	for _, r := range readRecords(c.T, c.Path("target")) {
		dir, kind, _ := strings.Cut(r.name, " ")
		name, id, _ := strings.Cut(dir, "-")
		if name != pkg || kind != "lib-"+pkg {
			continue
		}
		metadata, err := os.ReadFile(c.Path("target", "debug", "deps", "lib"+pkg+"-"+id+".rmeta"))
		if err != nil {
			c.T.Fatal(err)
		}
		return r.hash + string(metadata)
	}
	c.T.Fatalf("%s has no library of %s", c.Name(), pkg)
	return ""
}
